/**
 * The real trusted application in the process TEE, bundled from the present sources.
 *
 * @module
 */
import { join } from 'node:path'
import { sqlCipherPackage, startProcessTee } from '../tee/process/src/index.ts'
import type { TeeDriver } from '../tee/src/driver.ts'
import { buildApplication } from '../tools/bundle-ta.ts'

/** Not provisioned: it answers, and serves nobody. */
export async function startTee(folder: string): Promise<TeeDriver> {
  const { taPath, hostPath, measurement } = await buildApplication(folder)
  return await startProcessTee({
    taPath,
    hostPath,
    expectedMeasurement: measurement,
    storeFolder: join(folder, 'store'),
    nativePackages: [sqlCipherPackage()],
  })
}
