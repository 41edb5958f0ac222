/**
 * A system with people and a load generator, which several measurements share.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { ensureApplication } from '../../tools/bundle-ta.ts'
import type { LoadRequest, LoadResult } from './load.ts'
import { startLoad, type LoadProcess } from './load-process.ts'
import type { LedgerKind } from './ledger.ts'
import { populate, type Population } from './people.ts'
import { createBenchSystem, restartSystem, type BenchSystem } from './system.ts'

/** WebSockets to the record server: clients share them, as behind a gateway. */
const STREAMS = 4
/** Of 10,000 requests. */
const MOST_FAILURES = 10
/** Level of ordinary lines in our programs' logs. */
const INFORMATION = 30
/** Of each log, when requests failed. */
const LAST_LINES = 30

export interface RunningBench {
  readonly system: BenchSystem
  readonly load: LoadProcess
  readonly population: Population
  readonly clients: number
  /** When its programs were started, `performance.now()`. */
  readonly startedMs: number
  /** When the last of them said that it was ready. */
  readonly readyMs: number
  /** @throws {Error} if requests failed. */
  run(request: LoadRequest): Promise<LoadResult>
  close(): Promise<void>
}

/** @param clients doctors with a key and a session each. */
export async function startBench(clients: number, ledger: LedgerKind = 'embedded'): Promise<RunningBench> {
  // The record server's program takes the host of the trusted application from where it is built to.
  await ensureApplication()
  const startedMs = performance.now()
  const system = await createBenchSystem(ledger)
  try {
    const readyMs = performance.now()
    return await withLoad(system, await populate(system, clients), clients, { startedMs, readyMs })
  } catch (error) {
    await system.close()
    throw error
  }
}

/**
 * Ends everything and starts it again on the same files.
 *
 * @param how `stop` asks each program to end; `crash` kills them all, in the middle of what they do.
 */
export async function restartBench(bench: RunningBench, how: 'stop' | 'crash'): Promise<RunningBench> {
  await bench.load.close()
  if (how === 'crash') for (const pid of Object.values(bench.system.pids).flat()) process.kill(pid, 'SIGKILL')
  await bench.system.stop()
  const startedMs = performance.now()
  const system = await restartSystem(bench.system)
  const readyMs = performance.now()
  return await withLoad(system, bench.population, bench.clients, { startedMs, readyMs })
}

/** What failed, by code and place, and what the programs wrote meanwhile that is no ordinary line. */
export function requestsFailed(
  { work, clients }: LoadRequest,
  { failures, latenciesMs }: LoadResult,
  { folder }: Pick<BenchSystem, 'folder'>,
): Error {
  const logs = join(folder, 'logs')
  const told = readdirSync(logs).flatMap((name) => {
    const lines = readFileSync(join(logs, name), 'utf8').split('\n').filter(isTrouble)
    return lines.slice(-LAST_LINES).map((line) => `${name}: ${line}`)
  })
  const sum = Object.values(failures).reduce((all, one) => all + one, 0)
  const what = `${work}, ${clients} clients: ${sum} of ${latenciesMs.length} requests failed`
  return new Error([`${what}: ${JSON.stringify(failures, null, 2)}`, ...told].join('\n'))
}

/** Warnings and worse, requests that did not succeed, and lines that no program of ours formats. */
function isTrouble(line: string): boolean {
  if (line === '') return false
  const [, level] = /"level":(\d+)/.exec(line) ?? []
  const [, status] = /"status":(\d+)/.exec(line) ?? []
  return level === undefined || Number(level) > INFORMATION || Number(status ?? 0) >= 500
}

async function withLoad(
  system: BenchSystem,
  population: Population,
  clients: number,
  times: Pick<RunningBench, 'startedMs' | 'readyMs'>,
): Promise<RunningBench> {
  const { serverUrl, hospitalUrl, serverRef, consortium, staff } = system
  const load = await startLoad({
    surroundings: { serverUrl, hospitalUrl, serverRef, consortium },
    staff,
    population,
    streams: STREAMS,
    connections: clients,
  })
  return {
    system,
    load,
    population,
    clients,
    ...times,
    async run(request) {
      const result = await load.run(request)
      const failed = Object.values(result.failures).reduce((sum, one) => sum + one, 0)
      if (failed * 10_000 > MOST_FAILURES * result.latenciesMs.length) {
        throw requestsFailed(request, result, system)
      }
      return result
    },
    async close() {
      await load.close()
      await system.close()
    },
  }
}
