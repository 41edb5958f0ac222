/**
 * When a ratio is a loss: more than a quarter above the committed baseline, in every one of three measurements.
 *
 * @module
 */
/** By name: what ours costs over what it is measured beside. Less is better. */
export type Ratios = Readonly<Record<string, number>>

export const MOST_LOSS = 0.25
export const ATTEMPTS = 3

/** Names of ratios that lost too much in this measurement. Ratios without a baseline, or not measured, are faults of the caller. */
export function losses(baseline: Ratios, measured: Ratios): string[] {
  return Object.entries(measured)
    .filter(([name, ratio]) => {
      const before = baseline[name]
      if (before === undefined) throw new RangeError(`${name} has no baseline: --write`)
      if (!(ratio > 0)) throw new RangeError(`${name} was not measured`)
      return ratio > before * (1 + MOST_LOSS)
    })
    .map(([name]) => name)
}

/**
 * Measures again what lost, until nothing is left that lost every time, or {@link ATTEMPTS} is reached.
 *
 * @param measure measures the named ratios, all of them in one run.
 * @returns names of the ratios that lost in all measurements.
 */
export async function findLosses(
  baseline: Ratios,
  measure: (names: readonly string[]) => Promise<Ratios>,
): Promise<readonly string[]> {
  let suspects = Object.keys(baseline)
  for (let attempt = 0; attempt < ATTEMPTS && suspects.length > 0; attempt++) {
    const measured = await measure(suspects)
    for (const name of suspects) {
      if (!Object.hasOwn(measured, name)) throw new RangeError(`${name} was not measured`)
    }
    suspects = losses(baseline, measured)
  }
  return suspects
}
