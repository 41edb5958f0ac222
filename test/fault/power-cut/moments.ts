/**
 * Every moment of a recording at which the power may go off, as the suites here try them: some, evenly spread, in
 * `npm test`, and all of them in the long suite.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { copyFolder } from '../../../testkit/src/world/index.ts'
import { Chance } from '../hostile-host/chance.ts'
import { cutPoints, filesAfter, marksBefore, writeFiles, type Fate, type Files } from './disk.ts'
import type { DiskEvent } from './recorder.ts'

const IS_LONG = process.env['TRUSTHEALTH_LONG'] === '1'
const POINTS = IS_LONG ? Number.POSITIVE_INFINITY : 24
const FATES: readonly Fate[] = IS_LONG ? ['all', 'none', 'some', 'some', 'some'] : ['none', 'some']

/** What happened, and where. */
export interface Recorded {
  readonly folder: string
  /** The files when the recording began. */
  readonly start: Files
  readonly events: readonly DiskEvent[]
}

/**
 * Puts the folder into every state that a power cut may leave, and calls `look`. Nothing may have the files open then.
 * @param look gets the number of acknowledgements before the cut, and a text that says which moment it is.
 * @returns how many moments were tried.
 */
export async function tryMoments(
  { folder, start, events }: Recorded,
  look: (acknowledged: number, where: string) => Promise<void>,
): Promise<number> {
  const chance = new Chance(1)
  const all = cutPoints(events)
  const step = Math.max(1, Math.floor(all.length / POINTS))
  let tried = 0
  for (const at of all.filter((_, i) => i % step === 0)) {
    for (const fate of FATES) {
      writeFiles(
        folder,
        filesAfter(start, events, at, fate, (limit) => chance.below(limit)),
      )
      await look(
        marksBefore(events, at).length,
        `after ${at} of ${events.length} events, ${fate} of what was not synced`,
      )
      tried++
    }
  }
  return tried
}

/** The recording has no hole: replayed to its end it gives the very files. @param except names that are made anew. */
export function checkWhole({ folder, start, events }: Recorded, except?: RegExp): void {
  const end = filesAfter(start, events, events.length, 'all', () => 0)
  const files = copyFolder(folder)
  assert.ok(files.size > 0, 'there are files')
  for (const [name, bytes] of files) {
    if (except?.test(name) !== true) assert.ok(end.get(name)?.equals(bytes), `${name} is not what was recorded`)
  }
  assert.ok(
    events.some(({ kind }) => kind === 'sync'),
    'something was synced',
  )
}
