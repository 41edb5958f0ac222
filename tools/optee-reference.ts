/**
 * Last step of `npm run optee:build`: starts what was built in the emulated machine and writes what its evidence will say,
 * `reference.json` beside it. A registration on the ledger lists these values (docs/protocol/09-evidence.md §9.4); whoever
 * builds the same sources with the same keys can compare them.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SECURITY_VERSION } from '../shared/protocol/src/index.ts'
import { builtFiles, builtFolder, QemuMachine } from '../tee/optee/src/index.ts'

/** As optee/build.sh has it. */
const CORE_VERSION = '4.10.0-trusthealth'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-reference-'))
const machine = new QemuMachine({
  files: builtFiles(),
  taFolder: join(builtFolder(), 'ta'),
  storeFolder: join(folder, 'store'),
  logFolder: join(folder, 'log'),
  onDiagnostic: (line) => console.error(line),
})
try {
  const session = await machine.open()
  const said = await machine.describe()
  await session.close()
  const digest = (name: string): string => {
    const value = said.get(name) ?? ''
    if (!/^[0-9a-f]{64}$/.test(value)) throw new Error(`the trusted application does not say its ${name}`)
    return value
  }
  const reference = {
    core: digest('core'),
    version: CORE_VERSION,
    signer: digest('signer'),
    program: digest('program'),
    measurement: digest('measurement'),
    securityVersion: SECURITY_VERSION,
    debug: said.get('debug') !== '0',
    simulated: said.get('simulated') !== '0',
  }
  const path = join(builtFolder(), 'reference.json')
  writeFileSync(path, `${JSON.stringify(reference, null, 2)}\n`)
  console.log(
    `measurement: sha256 ${reference.measurement}\nprogram ${reference.program}\ncore ${reference.core}\n${path}`,
  )
} finally {
  await machine.close()
  rmSync(folder, { recursive: true, force: true })
}
