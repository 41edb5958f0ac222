/**
 * Stands in for fast-check (tools/bundle-optee-suites.ts) inside the secure world: the same properties, fewer runs, for an emulated processor.
 *
 * @module
 */
// oxlint-disable-next-line no-unassigned-import -- it has to be there before fast-check is loaded
import './engine-globals.ts'
import fastCheck, { type IRawProperty, type Parameters } from 'fast-check'

const MOST_RUNS = 8

// oxlint-disable-next-line no-default-export -- as fast-check has it
export default {
  ...fastCheck,
  assert<T>(property: IRawProperty<T>, parameters: Parameters<T> = {}): void {
    void fastCheck.assert(property, { ...parameters, numRuns: Math.min(MOST_RUNS, parameters.numRuns ?? MOST_RUNS) })
  },
}
