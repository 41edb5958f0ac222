/**
 * Fig. 5 of the paper: the door between the worlds (docs/protocol/10-tee-abi.md) through the driver of the process TEE, an
 * empty command, one at a time, on a quiet machine (where a sleeping core has to wake up) and with all cores kept awake.
 *
 * The empty command is `checkpoint` of a store that is not provisioned: decoded, refused, committed, answered.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, constants, setPriority } from 'node:os'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { barsBeside, type Bar } from '../harness/bars.ts'
import type { Measurement } from '../harness/measurement.ts'
import { spread } from '../harness/report.ts'
import type { TeeDriver } from '../../tee/src/driver.ts'
import { refused, withTee } from './tee.ts'

/** The paper: 57 us into the secure world, 13 us back. */
const PAPER_US = 70
/** Which core the system puts a process on stays for its life and decides much, so that one process tells little. */
const PROCESSES = 7
const SAMPLES = 2_000
/** `tee_round_trip_us` is the process TEE; other TEEs append their name. */
const ROUND_TRIP = /^tee_round_trip(_idle)?_us(?:_(.+))?$/

export const fig5: Measurement = {
  id: 'fig5',
  title: 'Fig. 5: into the secure world and back',
  gives: ['tee_round_trip'],
  run: async (report, { isQuick }) => {
    const idle: number[] = []
    const busy: number[] = []
    for (let i = 0; i < (isQuick ? 1 : PROCESSES); i++) {
      await withTee(async (tee) => {
        await timeCommands(tee, SAMPLES)
        idle.push(...(await timeCommands(tee, SAMPLES)))
        busy.push(...(await withBusyCores(() => timeCommands(tee, SAMPLES))))
      })
    }
    report.metrics['tee_round_trip_idle_us'] = spread(idle, 'us')
    report.metrics['tee_round_trip_us'] = spread(busy, 'us')
  },
  plots: ({ metrics }) => {
    const ours: Bar[] = Object.entries(metrics).flatMap(([id, { value }]) => {
      const [matched, idle, tee = 'process'] = ROUND_TRIP.exec(id) ?? []
      if (matched === undefined) return []
      return [{ group: `${tee} TEE`, series: idle === undefined ? 'cores busy' : 'cores idle', value }]
    })
    const bars = [{ group: 'paper, TrustZone', series: 'paper: 57 + 13 µs', value: PAPER_US }, ...ours]
    return barsBeside('fig5', 'Microseconds of an empty command into the secure world and back', bars, { axis: 'µs' })
  },
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
