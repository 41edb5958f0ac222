/**
 * The real trusted application in the process TEE, bundled from the present sources; not provisioned, so that it answers
 * and serves nobody.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlCipherPackage, startProcessTee } from '../../tee/process/src/index.ts'
import type { TeeDriver } from '../../tee/src/driver.ts'
import { buildApplication } from '../../tools/bundle-ta.ts'

export async function withTee(work: (tee: TeeDriver) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-tee-bench-'))
  const { taPath, hostPath, measurement } = await buildApplication(folder)
  const tee = await startProcessTee({
    taPath,
    hostPath,
    expectedMeasurement: measurement,
    storeFolder: join(folder, 'store'),
    nativePackages: [sqlCipherPackage()],
  })
  try {
    await work(tee)
  } finally {
    await tee.close()
    rmSync(folder, { recursive: true })
  }
}

/** The trusted application took the message and answered that it serves nobody yet. */
export async function refused(answer: Promise<unknown>): Promise<void> {
  try {
    await answer
  } catch (error) {
    if ((error as { code?: unknown }).code === 'TEE_NOT_PROVISIONED') return
    throw error
  }
  throw new Error('a trusted application that is not provisioned serves nobody')
}
