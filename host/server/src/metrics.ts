/**
 * What an operator can watch: counts and times by route, operation and code. Labels are names out of this program:
 * never a reference, an address, a session or anything that came from outside.
 *
 * @module
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { SupplicantStatus } from '../../supplicant/src/supplicant.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'

const SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

export interface Metrics {
  readonly contentType: string
  /** Text for Prometheus. */
  read(): Promise<string>
  /** @param route as declared, not as asked for. */
  httpDone(route: string, status: number, seconds: number): void
  /** @param code `OK` or the refusal. */
  teeDone(op: string, code: string, seconds: number): void
  streamOpened(): void
  streamClosed(): void
  supplicantTrouble(where: string, code: string): void
}

export interface MetricsSources {
  readonly tee: TeeDriver
  readonly supplicant?: () => SupplicantStatus
}

export function createMetrics({ tee, supplicant }: MetricsSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, read: () => number): void => {
    const collected: Gauge = new Gauge({ name, help, registers, collect: () => collected.set(read()) })
  }
  gauge('trusthealth_tee_running', 'Whether the trusted application runs.', () => (tee.state === 'running' ? 1 : 0))
  gauge('trusthealth_tee_restarts', 'Times the trusted application was started again.', () => tee.restarts)
  gauge('trusthealth_tee_outstanding', 'Requests to the trusted application without an answer.', () => tee.outstanding)
  if (supplicant !== undefined) {
    gauge('trusthealth_ledger_followed_block', 'Newest block that was read.', () => supplicant().followedBlock ?? -1)
    gauge('trusthealth_ledger_reads', 'Endorsed reads under way.', () => supplicant().needs)
    gauge('trusthealth_ledger_watched', 'Records that are expected on the ledger.', () => supplicant().watched)
  }
  const streams = new Gauge({ name: 'trusthealth_streams', help: 'Open session streams.', registers })
  const http = new Histogram({
    name: 'trusthealth_http_seconds',
    help: 'HTTP requests.',
    labelNames: ['route', 'status'] as const,
    buckets: SECONDS,
    registers,
  })
  const operations = new Histogram({
    name: 'trusthealth_tee_seconds',
    help: 'Requests to the trusted application.',
    labelNames: ['op', 'code'] as const,
    buckets: SECONDS,
    registers,
  })
  const troubles = new Counter({
    name: 'trusthealth_supplicant_troubles_total',
    help: 'What the supplicant could not do.',
    labelNames: ['where', 'code'] as const,
    registers,
  })
  return {
    contentType: registry.contentType,
    read: () => registry.metrics(),
    httpDone: (route, status, seconds) => http.observe({ route, status }, seconds),
    teeDone: (op, code, seconds) => operations.observe({ op, code }, seconds),
    streamOpened: () => streams.inc(),
    streamClosed: () => streams.dec(),
    supplicantTrouble: (where, code) => troubles.inc({ where, code }),
  }
}
