/**
 * A nation on this system: 100 hospitals, 10^8 patients, 10^9 records a year on Fabric, from the unit costs that were
 * measured. Arrivals are drawn (a Poisson process for each hospital, sizes by Zipf's law, a day's course, quiet weekends)
 * from a seed, batches are formed from them one by one; the rest is arithmetic. Pure: the same input gives the same output.
 *
 * @module
 */
export interface Scenario {
  readonly hospitals: number
  readonly patients: number
  readonly recordsPerYear: number
  readonly readsPerRecord: number
  /** A hospital's gateway closes a batch at this size, or when its first record waited for the window. */
  readonly mostInBatch: number
  readonly checkpointSeconds: number
  /** Organisations that keep the whole ledger. */
  readonly peers: number
  /** Servers run at most this busy in the busiest minute. */
  readonly utilization: number
  readonly seed: number
}

export const NATION: Scenario = {
  hospitals: 100,
  patients: 1e8,
  recordsPerYear: 1e9,
  readsPerRecord: 5,
  mostInBatch: 256,
  checkpointSeconds: 600,
  peers: 100,
  utilization: 0.5,
  seed: 20241312425 % 2 ** 32,
}

/** Waiting for others that a batch may cost its first record, seconds. 0: a transaction for each record. */
export const WINDOWS_S = [0, 1, 5, 10, 30, 60] as const

/** What one thing costs; each from a measurement, or an assumption that the page names. */
export interface UnitCosts {
  readonly storesPerSecond: number
  readonly readsPerSecond: number
  readonly transactionsPerSecond: number
  readonly diskBytesPerRecord: number
  readonly ledgerBytesPerRecord: number
  readonly ledgerBytesPerTransaction: number
  readonly logBytesPerEntry: number
  readonly keyBytesPerPatient: number
  readonly diskBytesPerServer: number
  readonly memoryBytesPerRecord: number
  readonly memoryBytesPerServer: number
  readonly recoverySecondsPerMillion: number
}

/** Shares of a working day's records by hour. */
const HOURS = [1, 1, 1, 1, 1, 2, 4, 8, 12, 13, 12, 11, 9, 11, 12, 11, 9, 7, 5, 4, 3, 2, 2, 1]
/** A day of the weekend has this part of a working day's records. */
const WEEKEND = 0.35
const WORKING_DAYS = 261
const DAYS = 365
const HASH_BYTES = 32
/** A signed checkpoint, C2SP: origin, size, root, signature. */
const CHECKPOINT_BYTES = 250

export interface Batching {
  readonly windowSeconds: number
  readonly transactionsPerYear: number
  /** Of the busiest minute. */
  readonly peakPerSecond: number
  readonly ledgerBytesPerYear: number
}

export interface Resource {
  readonly name: string
  /** For a plot. */
  readonly short: string
  /** The unit cost that decides. */
  readonly cost: keyof UnitCosts
  /** How many times the busiest minute (or the year) it could still take. */
  readonly headroom: number
}

export interface Result {
  readonly peakRecordsPerSecond: number
  readonly batching: readonly Batching[]
  readonly checkpointsPerYear: number
  /** Bytes of an inclusion proof with its checkpoint after so many years. */
  readonly proofs: readonly { readonly years: number; readonly entries: number; readonly bytes: number }[]
  readonly servers: {
    readonly byStores: number
    readonly byReads: number
    readonly byDisk: number
    readonly byMemory: number
    readonly needed: number
  }
  readonly recordsPerServer: number
  readonly storeBytesPerYear: number
  readonly logBytesPerYear: number
  readonly keyBytes: number
  readonly recoverySeconds: number
  /** Least headroom first. */
  readonly resources: readonly Resource[]
}

export function simulate(scenario: Scenario, costs: UnitCosts): Result {
  const { recordsPerYear, hospitals, patients, readsPerRecord, utilization } = scenario
  const days = drawDays(scenario)
  const peakRecordsPerSecond = days.working.peakPerSecond
  const batching = WINDOWS_S.map((windowSeconds, i): Batching => {
    const working = days.working.batches[i] as DayBatches
    const weekend = days.weekend.batches[i] as DayBatches
    const transactions = working.count * WORKING_DAYS + weekend.count * (DAYS - WORKING_DAYS)
    return {
      windowSeconds,
      transactionsPerYear: transactions,
      peakPerSecond: working.peakPerSecond,
      ledgerBytesPerYear: transactions * costs.ledgerBytesPerTransaction + recordsPerYear * costs.ledgerBytesPerRecord,
    }
  })
  const readsPeak = peakRecordsPerSecond * readsPerRecord
  const storeBytesPerYear = recordsPerYear * costs.diskBytesPerRecord
  const entriesPerYear = recordsPerYear * (1 + readsPerRecord)
  const byStores = Math.ceil(peakRecordsPerSecond / (costs.storesPerSecond * utilization))
  const byReads = Math.ceil(readsPeak / (costs.readsPerSecond * utilization))
  const byDisk = Math.ceil(storeBytesPerYear / costs.diskBytesPerServer)
  const byMemory = Math.ceil((recordsPerYear * costs.memoryBytesPerRecord) / costs.memoryBytesPerServer)
  const needed = Math.max(byStores + byReads, byDisk, byMemory)
  const recordsPerServer = recordsPerYear / needed
  const checkpointsPerYear = (needed * DAYS * 86_400) / scenario.checkpointSeconds
  const second = batching.find(({ windowSeconds }) => windowSeconds === 1) as Batching
  const resources: Resource[] = [
    {
      name: 'Fabric, a transaction for each record',
      short: 'Fabric, single',
      cost: 'transactionsPerSecond',
      headroom: costs.transactionsPerSecond / (batching[0] as Batching).peakPerSecond,
    },
    {
      name: 'Fabric, batches of one second',
      short: 'Fabric, batches',
      cost: 'transactionsPerSecond',
      headroom: costs.transactionsPerSecond / second.peakPerSecond,
    },
    {
      name: 'one record server, stores',
      short: 'stores',
      cost: 'storesPerSecond',
      headroom: costs.storesPerSecond / peakRecordsPerSecond,
    },
    {
      name: 'one record server, reads',
      short: 'reads',
      cost: 'readsPerSecond',
      headroom: costs.readsPerSecond / readsPeak,
    },
    {
      name: 'one record server, disk for a year',
      short: 'disk',
      cost: 'diskBytesPerRecord',
      headroom: costs.diskBytesPerServer / storeBytesPerYear,
    },
    {
      name: 'one record server, memory for a year',
      short: 'memory',
      cost: 'memoryBytesPerRecord',
      headroom: costs.memoryBytesPerServer / (recordsPerYear * costs.memoryBytesPerRecord),
    },
    {
      name: 'one peer, ledger for a year',
      short: 'ledger disk',
      cost: 'ledgerBytesPerTransaction',
      headroom: costs.diskBytesPerServer / second.ledgerBytesPerYear,
    },
  ]
  return {
    peakRecordsPerSecond,
    batching,
    checkpointsPerYear,
    proofs: [1, 10, 50].map((years) => {
      const entries = (entriesPerYear / needed) * years
      return { years, entries, bytes: proofBytes(entries) }
    }),
    servers: { byStores, byReads, byDisk, byMemory, needed },
    recordsPerServer,
    storeBytesPerYear,
    logBytesPerYear: entriesPerYear * costs.logBytesPerEntry,
    // Each patient's treatment keys, at the hospitals that treat: two on average.
    keyBytes: patients * costs.keyBytesPerPatient * Math.min(2, hospitals),
    recoverySeconds: (recordsPerServer / 1e6) * costs.recoverySecondsPerMillion,
    resources: resources.toSorted((a, b) => a.headroom - b.headroom),
  }
}

/** RFC 6962: one hash for each level of the tree, and the signed checkpoint. */
export function proofBytes(entries: number): number {
  return Math.ceil(Math.log2(Math.max(1, entries))) * HASH_BYTES + CHECKPOINT_BYTES
}

interface DayBatches {
  readonly count: number
  readonly peakPerSecond: number
}

interface Day {
  readonly records: number
  readonly peakPerSecond: number
  /** In the order of {@link WINDOWS_S}. */
  readonly batches: readonly DayBatches[]
}

function drawDays(scenario: Scenario): { readonly working: Day; readonly weekend: Day } {
  const weight = WORKING_DAYS + (DAYS - WORKING_DAYS) * WEEKEND
  const perWorkingDay = scenario.recordsPerYear / weight
  const next = randomOf(scenario.seed)
  return { working: drawDay(scenario, perWorkingDay, next), weekend: drawDay(scenario, perWorkingDay * WEEKEND, next) }
}

function drawDay({ hospitals, mostInBatch }: Scenario, records: number, next: () => number): Day {
  const shares = Array.from({ length: hospitals }, (_, i) => 1 / (i + 1) ** 0.8)
  const sum = shares.reduce((a, b) => a + b, 0)
  const minutes = new Float64Array(1440)
  const batches = WINDOWS_S.map(() => new Float64Array(1440))
  const total = HOURS.reduce((a, b) => a + b, 0)
  let drawn = 0
  for (const share of shares) {
    const open = WINDOWS_S.map(() => ({ until: -1, size: 0 }))
    const daily = (records * share) / sum
    // Thinning (Lewis and Shedler): draw at the busiest hour's rate, keep as many as the hour has.
    const most = (daily * Math.max(...HOURS)) / total / 3600
    for (let at = 0; ;) {
      at += -Math.log(1 - next()) / most
      if (at >= 86_400) break
      if (next() * Math.max(...HOURS) >= (HOURS[Math.floor(at / 3600)] ?? 0)) continue
      drawn++
      const minute = Math.floor(at / 60)
      minutes[minute] = (minutes[minute] ?? 0) + 1
      for (const [i, window] of WINDOWS_S.entries()) {
        const batch = open[i] as { until: number; size: number }
        if (at < batch.until && batch.size < mostInBatch) batch.size++
        else {
          batch.until = at + window
          batch.size = 1
          const counts = batches[i] as Float64Array
          counts[minute] = (counts[minute] ?? 0) + 1
        }
      }
    }
  }
  return {
    records: drawn,
    peakPerSecond: Math.max(...minutes) / 60,
    batches: batches.map((counts) => ({
      count: counts.reduce((a, b) => a + b, 0),
      peakPerSecond: Math.max(...counts) / 60,
    })),
  }
}

/** mulberry32: a small generator with a seed, uniform in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
