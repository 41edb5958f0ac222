/**
 * The record server of a test world in an emulated TrustZone, with what `npm run optee:build` made.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { parseEvidence, reportKeyThumbprint, type Sha256Hex } from '../../../shared/protocol/src/index.ts'
import { builtFiles, builtFolder, QemuMachine, startOpteeTee } from '../../../tee/optee/src/index.ts'
import type { ProcessTee } from './world.ts'

/** reference.json of the build. */
interface Reference {
  readonly core: Sha256Hex
  readonly version: string
  readonly signer: Sha256Hex
  readonly program: Sha256Hex
  readonly measurement: Sha256Hex
  readonly securityVersion: number
  readonly debug: boolean
  readonly simulated: boolean
}

export function readOpteeReference(): Reference {
  return JSON.parse(readFileSync(join(builtFolder(), 'reference.json'), 'utf8')) as Reference
}

/** For `TestWorldOptions.tee`. @param onMachine gets each machine that runs from now on. @param taFolder of another program. @param files of another guest. */
export function opteeTee(
  onMachine: (machine: QemuMachine) => void = () => undefined,
  taFolder = join(builtFolder(), 'ta'),
  files = builtFiles(),
): ProcessTee {
  const { core, version, signer, program, measurement, securityVersion, debug, simulated } = readOpteeReference()
  return {
    measurement,
    async start(storeFolder) {
      const machine = new QemuMachine({
        files,
        taFolder,
        storeFolder: join(storeFolder, 'data'),
        logFolder: join(storeFolder, 'consoles'),
      })
      onMachine(machine)
      return await startOpteeTee({ machine })
    },
    async registration(tee) {
      const crypto = createNodeCrypto()
      const { evidence } = await tee.request('attest', { nonce: crypto.randomBytes(32) })
      const { optee } = parseEvidence(evidence).payload
      if (optee === undefined) throw new TypeError('evidence of OP-TEE has its reports')
      return {
        teeKind: 'optee',
        optee: {
          reportKeys: [reportKeyThumbprint(crypto, optee.reportKey)],
          cores: [{ digest: core, version, signer, debug, simulated }],
          programs: [{ digest: program, measurement, signer, securityVersion, debug }],
        },
      }
    },
  }
}
