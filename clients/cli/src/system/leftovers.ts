/**
 * Programs that an earlier start left behind, after kill -9: ended before new ones are started on the same folders.
 *
 * @module
 */
import type { Context } from '../context.ts'
import { findSystem } from '../system-file.ts'
import { endProcess, isSameProcess } from './processes.ts'

const GRACE_MS = 10_000

export async function endLeftovers({ state, output }: Context): Promise<void> {
  const left = Object.entries(findSystem(state)?.programs ?? {}).filter(([, program]) => isSameProcess(program))
  for (const [name] of left) output.note(`Ending ${name}, which an earlier start left behind.`)
  await Promise.all(left.map(([, program]) => endProcess(program, GRACE_MS)))
}
