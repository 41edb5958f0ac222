/**
 * The real trusted application in the process TEE, bundled from the present sources.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sqlCipherPackage, startProcessTee } from '../tee/process/src/index.ts'
import type { TeeDriver } from '../tee/src/driver.ts'
import { bundle } from '../tools/bundle-ta.ts'
import { ROOT } from '../tools/files.ts'

/** Not provisioned: it answers, and serves nobody. */
export async function startTee(folder: string): Promise<TeeDriver> {
  const taPath = join(folder, 'trusted-application.mjs')
  const { contents, sha256 } = await bundle(ROOT, 'secure/ta/src/main.ts')
  writeFileSync(taPath, contents)
  return await startProcessTee({
    taPath,
    expectedMeasurement: sha256,
    storeFolder: join(folder, 'store'),
    nativePackages: [sqlCipherPackage()],
  })
}
