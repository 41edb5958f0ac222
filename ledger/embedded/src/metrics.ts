/**
 * Figures of a ledger node in the Prometheus text format.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { LedgerNode } from './ledger-node.ts'

export interface LedgerMetrics {
  readonly registry: Registry
  /** Counts a proposal by how it ended: `VALID` or a code. */
  proposal(outcome: string, seconds: number): void
  /** Counts queries by how the request ended. */
  queries(count: number, outcome: string): void
}

export function createMetrics(node: LedgerNode): LedgerMetrics {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number) => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          this.set(read())
        },
      }),
    )
  }
  gauge('ledger_height', 'Number of the newest block', () => node.status().height)
  gauge('ledger_waiting_proposals', 'Proposals that wait for a block', () => node.status().waiting)
  gauge('ledger_writable', '1 while blocks can be written', () => (node.status().writable ? 1 : 0))
  const proposals = new Counter({
    name: 'ledger_proposals_total',
    help: 'Proposals by outcome',
    labelNames: ['outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'ledger_proposal_seconds',
    help: 'From arrival of a proposal to its durable block',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
    registers,
  })
  const queries = new Counter({
    name: 'ledger_queries_total',
    help: 'Queries by outcome of the request',
    labelNames: ['outcome'],
    registers,
  })
  return {
    registry,
    proposal(outcome, duration) {
      proposals.inc({ outcome })
      if (outcome === 'VALID') seconds.observe(duration)
    },
    queries: (count, outcome) => queries.inc({ outcome }, count),
  }
}
