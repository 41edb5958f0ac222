/**
 * Boots the machine that `npm run optee:build` made, in a folder, prints QEMU's process id and waits to be killed.
 *
 *     node boot-machine.ts FOLDER
 *
 * @module
 */
import { join } from 'node:path'
import process from 'node:process'
import { builtFiles, builtFolder, QemuMachine } from '../src/index.ts'

const [folder = ''] = process.argv.slice(2)
const machine = new QemuMachine({
  files: builtFiles(),
  taFolder: join(builtFolder(), 'ta'),
  storeFolder: join(folder, 'store'),
  logFolder: join(folder, 'log'),
})
await machine.probe(0, 4, 4)
process.stdout.write(`${machine.pid ?? ''}\n`)
setInterval(() => undefined, 1_000)
