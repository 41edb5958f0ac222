/**
 * Unit costs of the simulation from the results; what was not measured is assumed, with its reason.
 *
 * @module
 */
import type { Report } from '../harness/report.ts'
import type { UnitCosts } from './simulation.ts'

interface Source {
  readonly what: string
  /** Metrics that tell, the best first, each with its factor. */
  readonly from: readonly (readonly [id: string, factor: number])[]
  readonly assumed: number
  readonly because: string
}

const SOURCES: Readonly<Record<keyof UnitCosts, Source>> = {
  storesPerSecond: {
    what: 'stores a second of one record server, 2 cores',
    from: [['store_full_path_per_s_500', 1]],
    assumed: 1_000,
    because: 'the order of magnitude of a 2-core machine',
  },
  readsPerSecond: {
    what: 'verified reads a second of one record server, 2 cores',
    from: [['read_verified_per_s', 1]],
    assumed: 2_000,
    because: 'the order of magnitude of a 2-core machine',
  },
  transactionsPerSecond: {
    what: 'transactions a second of Fabric',
    from: [['raw_fabric_submits_per_s_50', 1]],
    assumed: 300,
    because: 'Fabric on one small machine; several thousand are published for large ones',
  },
  diskBytesPerRecord: {
    what: 'disk of a record of 2 kB in the store, bytes',
    from: [['disk_bytes_per_ehr', 1]],
    assumed: 5_000,
    because: 'the record, its index and its receipt',
  },
  ledgerBytesPerRecord: {
    what: 'ledger for a commitment, bytes',
    from: [['ledger_disk_bytes_per_ehr', 1]],
    assumed: 500,
    because: 'three digests, two references, a tag, in block and state',
  },
  ledgerBytesPerTransaction: {
    what: 'ledger for a transaction of Fabric around its commitments, bytes',
    from: [],
    assumed: 6_000,
    because: 'the certificates and signatures of submitter and two endorsers, headers, read set',
  },
  logBytesPerEntry: {
    what: 'entry of the access log, bytes',
    from: [],
    assumed: 300,
    because: 'an encrypted entry and its share of the tree',
  },
  keyBytesPerPatient: {
    what: 'keys of a patient at one hospital, bytes',
    from: [],
    assumed: 1_000,
    because: 'a sealed treatment key for patient and hospital, some generations of them',
  },
  diskBytesPerServer: {
    what: 'disk of one server, bytes',
    from: [],
    assumed: 4e12,
    because: 'one NVMe drive',
  },
  memoryBytesPerRecord: {
    what: 'memory of the trusted application for a record, bytes',
    from: [['growth_ta_bytes_per_record', 1]],
    assumed: 100,
    because: 'digests of the authenticated state',
  },
  memoryBytesPerServer: {
    what: 'memory for the trusted application of one server, bytes',
    from: [],
    assumed: 64e9,
    because: 'half of a machine with 128 GB',
  },
  recoverySecondsPerMillion: {
    what: 'open after a crash, seconds for a million records',
    from: [
      ['growth_open_after_crash_ms_1e6', 1e-3],
      ['growth_open_after_crash_ms_1e5', 1e-2],
    ],
    assumed: 5,
    because: 'the aim of this project',
  },
}

export interface UnitCostRow {
  readonly name: string
  readonly what: string
  readonly value: number
  readonly source: string
}

export function unitCostsOf({ metrics }: Pick<Report, 'metrics'>): {
  readonly costs: UnitCosts
  readonly rows: readonly UnitCostRow[]
} {
  const rows = Object.entries(SOURCES).map(([name, { what, from, assumed, because }]): UnitCostRow => {
    const [id, factor] = from.find(([one]) => (metrics[one]?.value ?? 0) > 0) ?? []
    if (id === undefined || factor === undefined) return { name, what, value: assumed, source: `assumed: ${because}` }
    return { name, what, value: (metrics[id]?.value ?? assumed) * factor, source: `\`${id}\`` }
  })
  return { costs: Object.fromEntries(rows.map(({ name, value }) => [name, value])) as unknown as UnitCosts, rows }
}
