/**
 * Starts a trusted application in the TEE of the kind that is set: one TEE server, whatever protects it.
 *
 * @module
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TeeDriver } from '../../src/driver.ts'
import { openLibteec, QemuMachine, startOpteeTee, TA_UUID, type MachineFiles } from '../../optee/src/index.ts'
import { readMeasured, sqlCipherPackage, startProcessTee } from '../../process/src/index.ts'

export type { TeeDriver }

/** What `TRUSTHEALTH_TEE` and `--tee` may say. */
export const TEE_KINDS = ['process', 'optee'] as const
export type StartableTeeKind = (typeof TEE_KINDS)[number]

export interface TeeSettings {
  /** The trusted application: a bundle, or a signed file of OP-TEE. */
  readonly taPath: string
  /** SHA-256 of that file, lower-case hex. */
  readonly measurement: string
  /** Its subfolder `data` is the trusted application's disk. */
  readonly storeFolder: string
  /** An emulated machine with OP-TEE. */
  readonly optee?: MachineFiles
  /** OP-TEE of this machine, an ARM board, which loads the trusted application from where `taPath` says. */
  readonly board?: true
}

/** A machine under emulation does everything some twenty times slower. */
const EMULATED_GRACE_MS = 60_000

/**
 * @param onDiagnostic lines for the operator, without content.
 * @throws {TeeError} `TEE_MEASUREMENT`; `SERVER_UNAVAILABLE` or its own reason if it ends at once.
 */
export async function startTee(settings: TeeSettings, onDiagnostic?: (line: string) => void): Promise<TeeDriver> {
  const { taPath, measurement, storeFolder, optee, board } = settings
  const diagnostics = onDiagnostic === undefined ? {} : { onDiagnostic }
  if (board === true) {
    readMeasured(taPath, measurement)
    return await startOpteeTee({ machine: await openLibteec(), ...diagnostics })
  }
  if (optee === undefined) {
    return await startProcessTee({
      taPath,
      expectedMeasurement: measurement,
      storeFolder,
      nativePackages: [sqlCipherPackage()],
      ...diagnostics,
    })
  }
  const machine = new QemuMachine({
    files: optee,
    taFolder: installTa(readMeasured(taPath, measurement), storeFolder),
    storeFolder: join(storeFolder, 'data'),
    logFolder: join(storeFolder, 'consoles'),
    ...diagnostics,
  })
  return await startOpteeTee({ machine, stopGraceMs: EMULATED_GRACE_MS, ...diagnostics })
}

/** Writes the measured bytes where the guest loads them from. OP-TEE checks their signature again. */
function installTa(bytes: Uint8Array, storeFolder: string): string {
  const folder = join(storeFolder, 'run')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, `${TA_UUID}.ta`), bytes, { mode: 0o400 })
  return folder
}
