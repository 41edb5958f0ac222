/**
 * A patient's credential is renewed a month before it ends, with the key that it names.
 *
 * @module
 */
import { parseCredential } from '../../../../shared/protocol/src/index.ts'
import { isUnavailable } from '../../../sdk/src/errors.ts'
import type { WorkerContext } from './worker-context.ts'

const RENEW_BEFORE_MS = 30 * 86_400_000

export async function renewWhenDue(context: WorkerContext): Promise<void> {
  const { kept, identity, options } = await context.acting()
  const { credential, ref, signer } = identity
  if (credential.kind !== 'patient') return
  const { exp } = parseCredential(credential.jws).payload
  if (exp * 1000 - context.clock.nowMs() > RENEW_BEFORE_MS) return
  try {
    const jws = await options.hospital.renewCredential({ ref, signer })
    await context.keys.change(kept.id, { credential: { kind: 'patient', jws } })
    await context.actAs(kept.id)
  } catch (error) {
    // The old one still lasts for a while.
    if (!isUnavailable(error)) throw error
  }
}
