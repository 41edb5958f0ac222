/**
 * What an operator of the hospital service can watch. Counts only: no names, no references.
 *
 * @module
 */
import type { OutboxCounts } from './outbox/outbox.ts'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export interface MetricsSources {
  /** Fingerprints that have no ledger transaction yet. */
  readonly waitingCommitments: () => number
  readonly outbox: () => OutboxCounts
  readonly nowMs: () => number
}

export interface Metrics {
  readonly contentType: string
  /** Text for Prometheus. */
  read(): Promise<string>
}

export function createMetrics({ waitingCommitments, outbox, nowMs }: MetricsSources): Metrics {
  const register = new Registry()
  collectDefaultMetrics({ register })
  const waiting: Gauge = new Gauge({
    name: 'trusthealth_hospital_waiting_commitments',
    help: 'Fingerprints that have no ledger transaction yet.',
    registers: [register],
    collect: () => waiting.set(waitingCommitments()),
  })
  const gauge = (name: string, help: string, value: () => number): Gauge => {
    const made: Gauge = new Gauge({
      name: `trusthealth_hospital_outbox_${name}`,
      help,
      registers: [register],
      collect: () => made.set(value()),
    })
    return made
  }
  gauge('waiting', 'Records that were taken and are not delivered.', () => outbox().waiting)
  gauge('refused', 'Records that were taken and then refused; a person must look.', () => outbox().refused)
  gauge('oldest_seconds', 'How long the oldest of those that wait has waited; 0: none.', () => {
    const { oldestMs } = outbox()
    return oldestMs === undefined ? 0 : Math.max(0, (nowMs() - oldestMs) / 1000)
  })
  return { contentType: register.contentType, read: () => register.metrics() }
}
