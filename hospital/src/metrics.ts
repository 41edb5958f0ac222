/**
 * What an operator of the hospital service can watch. Counts only: no names, no references.
 *
 * @module
 */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export interface MetricsSources {
  /** Fingerprints that have no ledger transaction yet. */
  readonly waitingCommitments: () => number
}

export interface Metrics {
  readonly contentType: string
  /** Text for Prometheus. */
  read(): Promise<string>
}

export function createMetrics({ waitingCommitments }: MetricsSources): Metrics {
  const register = new Registry()
  collectDefaultMetrics({ register })
  const waiting: Gauge = new Gauge({
    name: 'trusthealth_hospital_waiting_commitments',
    help: 'Fingerprints that have no ledger transaction yet.',
    registers: [register],
    collect: () => waiting.set(waitingCommitments()),
  })
  return { contentType: register.contentType, read: () => register.metrics() }
}
