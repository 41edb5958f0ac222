/**
 * The real trusted application in the process TEE, bundled from the present sources; not provisioned, so that it answers
 * and serves nobody.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
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

export interface Transfer {
  readonly sizeMb: number
  readonly messageBytes: number
  /** Messages under way at a time. */
  readonly underWay: number
}

/** @param sizeMb MiB in all. @returns milliseconds until the last message was answered. */
export async function transferMs(tee: TeeDriver, { sizeMb, messageBytes, underWay }: Transfer): Promise<number> {
  const record = new Uint8Array(messageBytes).fill(7)
  let left = sizeMb * 1024 * 1024
  const startMs = performance.now()
  const sender = async (): Promise<void> => {
    while (left > 0) {
      const part = record.subarray(0, Math.min(left, messageBytes))
      left -= part.length
      await refused(tee.request('record', { record: part }))
    }
  }
  await Promise.all(Array.from({ length: underWay }, sender))
  return performance.now() - startMs
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
