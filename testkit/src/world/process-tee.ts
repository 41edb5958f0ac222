/**
 * The trusted application as it is shipped: one measured file in a process of its own, started by the driver of the
 * process TEE.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlCipherPackage, startProcessTee } from '../../../tee/process/src/index.ts'
import type { ProcessTeeOptions } from '../../../tee/process/src/index.ts'
import { bundle } from '../../../tools/bundle-ta.ts'
import { ROOT } from '../../../tools/files.ts'
import type { ProcessTee } from './world.ts'

const ENTRY = 'secure/ta/src/main.ts'

export interface BundledTee extends ProcessTee {
  /** The built file. */
  readonly taPath: string
  /** Removes it. */
  remove(): void
}

/** Builds the trusted application into a temporary folder. @param options for the driver. */
export async function bundleTee(options: Partial<ProcessTeeOptions> = {}): Promise<BundledTee> {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-bundle-'))
  const taPath = join(folder, 'trusted-application.mjs')
  const { contents, sha256 } = await bundle(ROOT, ENTRY)
  writeFileSync(taPath, contents)
  return {
    taPath,
    measurement: sha256,
    start: (storeFolder, traffic) =>
      startProcessTee({
        taPath,
        expectedMeasurement: sha256,
        storeFolder,
        nativePackages: [sqlCipherPackage()],
        restart: { firstPauseMs: 20, longestPauseMs: 200 },
        onDiagnostic: (line) => traffic.log(line),
        ...options,
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
