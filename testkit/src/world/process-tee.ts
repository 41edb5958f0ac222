/**
 * The trusted application as it is shipped: one measured file in a process of its own, started by the driver of the
 * process TEE.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlCipherPackage, startProcessTee } from '../../../tee/process/src/index.ts'
import type { ProcessTeeOptions } from '../../../tee/process/src/index.ts'
import { buildApplication } from '../../../tools/bundle-ta.ts'
import type { ProcessTee } from './world.ts'

export interface BundledTee extends ProcessTee {
  /** The built file. */
  readonly taPath: string
  /** What runs it. */
  readonly hostPath: string
  /** Removes it. */
  remove(): void
}

/** Builds the trusted application into a temporary folder. @param options for the driver. */
export async function bundleTee(options: Partial<ProcessTeeOptions> = {}): Promise<BundledTee> {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-bundle-'))
  const { taPath, hostPath, measurement } = await buildApplication(folder)
  return {
    taPath,
    hostPath,
    measurement,
    start: (storeFolder, traffic) =>
      startProcessTee({
        taPath,
        hostPath,
        expectedMeasurement: measurement,
        storeFolder,
        nativePackages: [sqlCipherPackage()],
        restart: { firstPauseMs: 20, longestPauseMs: 200 },
        onDiagnostic: (line) => traffic.log(line),
        ...options,
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
