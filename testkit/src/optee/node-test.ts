/**
 * Stands in for node:test inside the secure world: collects tests, which the host of the suites runs one by one.
 *
 * @module
 */
interface CollectedTest {
  readonly title: string
  readonly run: () => unknown
}

export const collected: CollectedTest[] = []

export function test(title: string, run: () => unknown): void {
  collected.push({ title, run })
}
