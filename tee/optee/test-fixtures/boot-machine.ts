/**
 * Boots the machine that `npm run optee:build` made, in a folder, prints QEMU's process id and waits to be killed.
 *
 *     node boot-machine.ts FOLDER [booted|booting] [EMULATOR...]
 *
 * `booting`: prints it when the firmware runs, long before the guest does. EMULATOR: QEMU's command, if not the usual one.
 *
 * @module
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setImmediate as turn } from 'node:timers/promises'
import { builtFiles, builtFolder, QemuMachine } from '../src/index.ts'

const [folder = '', when = 'booted', ...command] = process.argv.slice(2)
const machine = new QemuMachine({
  files: builtFiles(),
  taFolder: join(builtFolder(), 'ta'),
  storeFolder: join(folder, 'store'),
  logFolder: join(folder, 'log'),
  ...(command.length === 0 ? {} : { command }),
})
const booted = machine.probe(0, 4, 4)
if (when === 'booted') await booted
else while (!hasWritten(join(folder, 'log', 'normal-world.log'))) await turn()
process.stdout.write(`${machine.pid ?? ''}\n`)
setInterval(() => undefined, 1_000)

function hasWritten(path: string): boolean {
  return existsSync(path) && statSync(path).size > 0
}
