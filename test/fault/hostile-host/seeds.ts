/**
 * Schedules that once found a fault, as [seed, steps]: each is run again by every `npm test`. A failing run prints its seed
 * and its steps; they come here with the change that mends the fault. A change of the schedule's own code makes other
 * schedules of the same seeds.
 *
 * @module
 */
export const SCHEDULES_THAT_FOUND_FAULTS: readonly (readonly [seed: number, steps: number])[] = []
