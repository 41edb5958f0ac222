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
  const { networkStatus, stopNetwork } = await import('../../../../ledger/network/src/index.ts')
  if ((await networkStatus(state.fabric))?.nodes.some(({ pid }) => pid !== 0) !== true) return
  output.note("Ending the ledger's network, which an earlier start left behind.")
  await stopNetwork(state.fabric)
}
