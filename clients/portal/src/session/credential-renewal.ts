/**
 * A patient's credential and a doctor's certificate are renewed a month before they end, with the key that they name.
 *
 * @module
 */
import { isUnavailable } from '../../../sdk/src/errors.ts'
import { renewIdentity } from '../../../sdk/src/renew-identity.ts'
import type { WorkerContext } from './worker-context.ts'

export async function renewWhenDue(context: WorkerContext): Promise<void> {
  const { kept, identity, options } = await context.acting()
  try {
    const renewed = await renewIdentity(options.hospital, identity, context.clock.nowMs())
    if (renewed === identity) return
    await context.keys.change(kept.id, { credential: renewed.credential })
    await context.actAs(kept.id)
  } catch (error) {
    // The old one still lasts for a while.
    if (!isUnavailable(error)) throw error
  }
}
