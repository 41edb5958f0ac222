/**
 * Fig. 5 and Table 4 of the paper in the emulated machine: an empty command, and bytes carried into the secure world,
 * through driver, proxy, libteec and OP-TEE. Compared with the echo: a call into a trusted application that does nothing.
 *
 * @module
 */
import { performance } from 'node:perf_hooks'
import { middle, spread, type Report } from '../harness/report.ts'
import { median } from '../harness/statistics.ts'
import { startOpteeTee } from '../../tee/optee/src/index.ts'
import { MAX_INPUT_BYTES, type TaSession } from '../../tee/optee/src/session.ts'
import type { TeeDriver } from '../../tee/src/driver.ts'
import { refused, transferMs } from '../figures/tee.ts'
import { machineOf, withStorage, type Built } from './machines.ts'

export interface RoundTripOptions {
  readonly samples: number
  readonly rounds: number
  readonly largestMb: number
}

export const SIZES_MB = [4, 16, 64, 128, 256, 512] as const
/** Larger ones take minutes, and are measured once. */
const LARGEST_REPEATED_MB = 64
/** A message is secure memory, several times over: larger ones at once end a trusted application of this size. */
const MESSAGES = { messageBytes: 64 * 1024, underWay: 4 } as const

export async function measureRoundTrips(report: Report, built: Built, options: RoundTripOptions): Promise<void> {
  const echoUs = await withStorage(built, (session) => measureEcho(report, session, options))
  const tee = await startOpteeTee({ machine: machineOf(built, 'product') })
  try {
    await measureCommands(report, tee, echoUs, options)
    await measureTransfers(report, tee, echoUs, options)
  } finally {
    await tee.close()
  }
}

/** @returns microseconds of one echo. */
async function measureEcho(
  { metrics }: Report,
  session: TaSession,
  { samples, rounds, largestMb }: RoundTripOptions,
): Promise<number> {
  const echo = async () => void (await session.exchange(new Uint8Array(0), false))
  const times = await timesOf(echo, samples)
  metrics['optee_echo_us'] = spread(times, 'us')
  const piece = Buffer.alloc(MAX_INPUT_BYTES, '.take ')
  for (const sizeMb of SIZES_MB.filter((size) => size <= largestMb)) {
    const rates: number[] = []
    for (let round = 0; round < roundsOf(sizeMb, rounds); round++) {
      const startMs = performance.now()
      for (let left = sizeMb; left > 0; left--) await session.exchange(piece, false)
      rates.push((sizeMb * 1.048_576) / ((performance.now() - startMs) / 1000))
    }
    metrics[`optee_copy_mb_per_s_${sizeMb}`] = middle(rates, 'MB/s')
  }
  return median(times)
}

/** The empty command is `checkpoint` of a store that is not provisioned: decoded, refused, committed, answered. */
async function measureCommands(
  { metrics }: Report,
  tee: TeeDriver,
  echoUs: number,
  { samples }: RoundTripOptions,
): Promise<void> {
  const times = await timesOf(() => refused(tee.request('checkpoint', {})), samples)
  metrics['optee_empty_command_us'] = spread(times, 'us')
  metrics['optee_empty_command_echo_ratio'] = { value: median(times) / echoUs, unit: 'ratio', n: times.length }
}

async function measureTransfers(
  { metrics }: Report,
  tee: TeeDriver,
  echoUs: number,
  { rounds, largestMb }: RoundTripOptions,
): Promise<void> {
  await transferMs(tee, { ...MESSAGES, sizeMb: 4 })
  for (const sizeMb of SIZES_MB.filter((size) => size <= largestMb)) {
    const times: number[] = []
    for (let round = 0; round < roundsOf(sizeMb, rounds); round++) {
      times.push(await transferMs(tee, { ...MESSAGES, sizeMb }))
    }
    metrics[`optee_transfer_ms_${sizeMb}`] = middle(times, 'ms')
    const rates = times.map((ms) => (sizeMb * 1.048_576) / (ms / 1000))
    metrics[`optee_transfer_mb_per_s_${sizeMb}`] = middle(rates, 'MB/s')
    const ratio = (median(times) * 1000) / echoUs
    metrics[`optee_transfer_echo_ratio_${sizeMb}`] = { value: ratio, unit: 'ratio', n: times.length }
  }
}

function roundsOf(sizeMb: number, rounds: number): number {
  return sizeMb > LARGEST_REPEATED_MB ? 1 : rounds
}

async function timesOf(work: () => Promise<void>, samples: number): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < samples + samples / 10; i++) {
    const startMs = performance.now()
    await work()
    // The first tenth finds everything cold.
    if (i >= samples / 10) times.push((performance.now() - startMs) * 1000)
  }
  return times
}
