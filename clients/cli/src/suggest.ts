/**
 * "Did you mean": the nearest of the known words or commands.
 *
 * @module
 */

/** Optimal string alignment distance: insert, delete, replace, swap of neighbours. */
export function editDistance(a: string, b: string): number {
  let twoBack: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(
        (previous[j] as number) + 1,
        (current[j - 1] as number) + 1,
        (previous[j - 1] as number) + cost,
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (twoBack[j - 2] as number) + 1)
      }
      current.push(best)
    }
    twoBack = previous
    previous = current
  }
  return previous[b.length] as number
}

/** The candidates nearest to `given`, none if all are far from it. */
export function nearest(given: string, candidates: readonly string[], limit = 3): string[] {
  const reach = Math.max(1, Math.floor(given.length / 3))
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distanceTo(given, candidate) }))
    .filter(({ distance }) => distance <= reach)
    .toSorted((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
  const best = ranked[0]?.distance
  return ranked
    .filter(({ distance }) => distance === best)
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

/**
 * Whole commands for what was typed: `recrod verify` is near `record verify`, and `verify` alone is the last word of
 * `record verify`.
 */
export function nearestCommands(words: readonly string[], commands: readonly string[]): string[] {
  const typed = words.join(' ')
  const two = nearest(words.slice(0, 2).join(' '), commands)
  if (two.length > 0) return two
  const [first = ''] = words
  const byLastWord = commands.filter((command) => command.split(' ').at(-1) === first)
  if (byLastWord.length > 0) return byLastWord.slice(0, 3)
  return nearest(typed, commands).length > 0 ? nearest(typed, commands) : nearest(first, commands)
}

function distanceTo(given: string, candidate: string): number {
  return editDistance(given.toLowerCase(), candidate.toLowerCase())
}
