/**
 * Ratios that hold on a busy machine: CPU time over CPU time (not time on the clock, which is everybody's), of a fixed
 * amount of work, both sides in turns, the median over rounds.
 *
 * @module
 */
import { medianRatio } from '../harness/statistics.ts'
import { runTimes } from '../harness/windows.ts'
import { runCrud } from '../figures/fig7.ts'
import { PARALLEL, withHandshakes } from '../figures/handshakes.ts'
import { cpuMsOf } from '../system/program.ts'
import { startBench, type RunningBench } from '../system/running.ts'
import { yardstick } from './yardstick.ts'
import type { Ratios } from './decide.ts'

/** What is measured in one go, and the names of its ratios. */
export const GROUPS: readonly { readonly names: readonly string[]; readonly measure: () => Promise<Ratios> }[] = [
  { names: ['insert_cipher_plain'], measure: () => Promise.resolve(measureInsert()) },
  { names: ['handshake_tls'], measure: measureHandshakes },
  { names: ['store_yardstick', 'import_yardstick', 'read_yardstick'], measure: measureSystem },
]

/** Measures the groups that have these ratios; may give more than was asked for. */
export async function measureRatios(names: readonly string[]): Promise<Ratios> {
  const all: Record<string, number> = {}
  for (const group of GROUPS) {
    if (!group.names.some((name) => names.includes(name))) continue
    for (const [name, ratio] of Object.entries(await group.measure())) if (names.includes(name)) all[name] = ratio
  }
  return all
}

function measureInsert(): Ratios {
  const cpu: Record<'sqlcipher' | 'plain', number[]> = { sqlcipher: [], plain: [] }
  for (const kind of ['sqlcipher', 'plain'] as const) runCrud(kind)
  for (let round = 0; round < 9; round++) {
    for (const kind of ['sqlcipher', 'plain'] as const) cpu[kind].push(ownCpuMs(() => runCrud(kind)))
  }
  return { insert_cipher_plain: medianRatio(cpu.sqlcipher, cpu.plain) }
}

async function measureHandshakes(): Promise<Ratios> {
  const cpu: Record<'ours' | 'tls', number[]> = { ours: [], tls: [] }
  await withHandshakes(async (handshakes) => {
    for (const side of ['ours', 'tls'] as const) await runTimes(150, PARALLEL, handshakes[side])
    for (let round = 0; round < 15; round++) {
      for (const side of ['ours', 'tls'] as const) {
        const before = process.cpuUsage()
        await runTimes(60, PARALLEL, handshakes[side])
        const { user, system } = process.cpuUsage(before)
        cpu[side].push(user + system)
      }
    }
  })
  return { handshake_tls: medianRatio(cpu.ours, cpu.tls) }
}

const CLIENTS = 16
const ROUNDS = 5
/** Requests that warm up, and requests of a round. Counted in requests: the same work on every machine. */
const WORKS = {
  store: { warm: 1_200, requests: 240, records: 1 },
  import: { warm: 24, requests: 12, records: 50 },
  read: { warm: 800, requests: 400, records: 1 },
} as const
const YARDS = 1_200

async function measureSystem(): Promise<Ratios> {
  const bench = await startBench(CLIENTS)
  try {
    const names = Object.keys(WORKS) as readonly (keyof typeof WORKS)[]
    const ours: Record<keyof typeof WORKS, number[]> = { store: [], import: [], read: [] }
    const yards: number[] = []
    for (const name of names) await cpuPerRecord(bench, name, WORKS[name].warm)
    yardstick(YARDS)
    for (let round = 0; round < ROUNDS; round++) {
      yards.push(ownCpuMs(() => yardstick(YARDS)) / YARDS)
      for (const name of names) ours[name].push(await cpuPerRecord(bench, name, WORKS[name].requests))
    }
    return Object.fromEntries(names.map((name) => [`${name}_yardstick`, medianRatio(ours[name], yards)]))
  } finally {
    await bench.close()
  }
}

/** Milliseconds of all processes together, the clients' among them. */
async function cpuPerRecord(bench: RunningBench, work: keyof typeof WORKS, requests: number): Promise<number> {
  const pids = [...Object.values(bench.system.pids).flat(), bench.load.pid]
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0)
  const before = cpu()
  const { records } = WORKS[work]
  await bench.run({ work, clients: CLIENTS, windowMs: 0, requests, records })
  return (cpu() - before) / (requests * records)
}

function ownCpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
