/**
 * A system with people and a load generator, which several measurements share.
 *
 * @module
 */
import { performance } from 'node:perf_hooks'
import type { LoadRequest, LoadResult } from './load.ts'
import { startLoad, type LoadProcess } from './load-process.ts'
import { populate, type Population } from './people.ts'
import { createBenchSystem, restartSystem, type BenchSystem } from './system.ts'

/** WebSockets to the record server: clients share them, as behind a gateway. */
const STREAMS = 4
/** Of 10,000 requests. */
const MOST_FAILURES = 10

export interface RunningBench {
  readonly system: BenchSystem
  readonly load: LoadProcess
  readonly population: Population
  readonly clients: number
  /** When its programs were started, `performance.now()`. */
  readonly startedMs: number
  /** @throws {Error} if requests failed. */
  run(request: LoadRequest): Promise<LoadResult>
  close(): Promise<void>
}

/** @param clients doctors with a key and a session each. */
export async function startBench(clients: number): Promise<RunningBench> {
  const startedMs = performance.now()
  const system = await createBenchSystem()
  try {
    return await withLoad(system, await populate(system, clients), clients, startedMs)
  } catch (error) {
    await system.close()
    throw error
  }
}

/** Stops everything and starts it again on the same files. */
export async function restartBench(bench: RunningBench): Promise<RunningBench> {
  await bench.load.close()
  await bench.system.stop()
  const startedMs = performance.now()
  const system = await restartSystem(bench.system)
  return await withLoad(system, bench.population, bench.clients, startedMs)
}

async function withLoad(
  system: BenchSystem,
  population: Population,
  clients: number,
  startedMs: number,
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
    startedMs,
    async run(request) {
      const result = await load.run(request)
      const failed = Object.values(result.failures).reduce((sum, one) => sum + one, 0)
      if (failed * 10_000 > MOST_FAILURES * result.latenciesMs.length) {
        throw new Error(`${request.work}: requests failed: ${JSON.stringify(result.failures)}`)
      }
      return result
    },
    async close() {
      await load.close()
      await system.close()
    },
  }
}
