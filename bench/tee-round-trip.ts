/**
 * The door between the worlds (docs/protocol/10-tee-abi.md) through the driver of the process TEE: an empty command, one
 * at a time, on a quiet machine (where a sleeping core has to wake up) and with all cores kept awake; and bytes carried
 * into the trusted application, 8 MiB a message, a few under way. Paper: figure 5 and table 4.
 *
 * The empty command is `checkpoint` of a store that is not provisioned: decoded, refused, committed, answered.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, constants, setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TeeDriver } from '../tee/src/driver.ts'
import type { Report } from './report.ts'
import { median, summarize } from './statistics.ts'
import { startTee } from './tee.ts'

const MESSAGE_BYTES = 8 * 1024 * 1024
const UNDER_WAY = 4
const SIZES_MB = [4, 16, 64, 128, 256, 512] as const

export interface TeeRoundTripOptions {
  readonly samples: number
  readonly rounds: number
  readonly largestMb: number
}

export async function measureTeeRoundTrip(report: Report, options: TeeRoundTripOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-tee-bench-'))
  const tee = await startTee(folder)
  try {
    await timeCommands(tee, options.samples)
    const idle = await timeCommands(tee, options.samples)
    const busy = await withBusyCores(() => timeCommands(tee, options.samples))
    const metric = (samples: readonly number[]) => ({
      value: median(samples),
      unit: 'us' as const,
      ...summarize(samples),
    })
    report.metrics['tee_round_trip_us'] = metric(busy)
    report.metrics['tee_round_trip_idle_us'] = metric(idle)
    await measureTransfer(report, tee, options)
  } finally {
    await tee.close()
    rmSync(folder, { recursive: true })
  }
}

async function timeCommands(tee: TeeDriver, samples: number): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < samples; i++) {
    const startMs = performance.now()
    await refused(tee.request('checkpoint', {}))
    times.push((performance.now() - startMs) * 1000)
  }
  return times
}

async function measureTransfer(report: Report, tee: TeeDriver, { rounds, largestMb }: TeeRoundTripOptions) {
  const record = new Uint8Array(MESSAGE_BYTES).fill(7)
  const rates = new Map<number, number[]>()
  await transfer(tee, record, 64)
  for (let round = 0; round < rounds; round++) {
    for (const sizeMb of SIZES_MB) {
      if (sizeMb > largestMb) continue
      const seconds = await transfer(tee, record, sizeMb)
      rates.set(sizeMb, [...(rates.get(sizeMb) ?? []), (sizeMb * 1.048_576) / seconds])
    }
  }
  for (const [sizeMb, samples] of rates) {
    report.metrics[`tee_transfer_mb_per_s_${sizeMb}`] = { value: median(samples), unit: 'MB/s', ...summarize(samples) }
  }
}

/** @param sizeMb MiB in all. @returns seconds until the last message was answered. */
async function transfer(tee: TeeDriver, record: Uint8Array, sizeMb: number): Promise<number> {
  let left = sizeMb * 1024 * 1024
  const startMs = performance.now()
  const sender = async (): Promise<void> => {
    while (left > 0) {
      const part = record.subarray(0, Math.min(left, MESSAGE_BYTES))
      left -= part.length
      await refused(tee.request('record', { record: part }))
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, sender))
  return (performance.now() - startMs) / 1000
}

/** The trusted application took the message and answered that it serves nobody yet. */
async function refused(answer: Promise<unknown>): Promise<void> {
  try {
    await answer
  } catch (error) {
    if ((error as { code?: unknown }).code === 'TEE_NOT_PROVISIONED') return
    throw error
  }
  throw new Error('a trusted application that is not provisioned serves nobody')
}

/** Keeps every core awake with work of the lowest priority, which gives way at once. */
async function withBusyCores<T>(work: () => Promise<T>): Promise<T> {
  const spinners = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  )
  try {
    for (const { pid } of spinners) setPriority(pid ?? 0, constants.priority.PRIORITY_LOW)
    await sleep(300)
    return await work()
  } finally {
    for (const spinner of spinners) {
      const ended = once(spinner, 'exit')
      spinner.kill('SIGKILL')
      await ended
    }
  }
}
