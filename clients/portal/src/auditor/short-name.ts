/**
 * Short names and colours for references: people compare `d-3f…a1` better than 34 characters. Names are for the eye only;
 * copying always gives the whole.
 *
 * @module
 */
export function shortOf(ref: string): string {
  return ref.length <= 14 ? ref : `${ref.slice(0, 6)}…${ref.slice(-4)}`
}

/** Degrees on the colour wheel, the same for the same reference. */
export function hueOf(ref: string): number {
  let sum = 0
  for (const letter of ref) sum = (sum * 31 + letter.charCodeAt(0)) % 360
  return sum
}
