/** Order statistics of samples. Percentiles are nearest-rank, so that each one is a value that was measured. */

export interface Summary {
  readonly n: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
}

/** @param samples at least one; any order; not changed. */
export function summarize(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new RangeError('no samples')
  const sorted = Float64Array.from(samples).sort()
  return {
    n: sorted.length,
    p50: nearestRank(sorted, 50, 100),
    p95: nearestRank(sorted, 95, 100),
    p99: nearestRank(sorted, 99, 100),
    p999: nearestRank(sorted, 999, 1000),
  }
}

export function median(samples: readonly number[]): number {
  return summarize(samples).p50
}

/**
 * Median of what each round says of one side over the other: both sides of a round saw the same machine.
 *
 * @param above, below one sample a round, in the same order; none of `below` is 0.
 */
export function medianRatio(above: readonly number[], below: readonly number[]): number {
  if (above.length !== below.length) throw new RangeError('as many rounds of one side as of the other')
  return median(above.map((value, round) => value / (below[round] as number)))
}

/** The share `part`/`whole` in integers: 0.95 × 20 is more than 19 in floating point. */
function nearestRank(sorted: Float64Array, part: number, whole: number): number {
  return sorted[Math.max(0, Math.ceil((part * sorted.length) / whole) - 1)] as number
}
