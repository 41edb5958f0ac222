/**
 * A patient's credential and a doctor's certificate are renewed with the hospital before they end, with the key that is
 * registered; nobody has to think of it. Where the hospital does not answer, the old one serves while it lasts.
 *
 * @module
 */
import { isUnavailable } from '../../sdk/src/errors.ts'
import type { HospitalApi } from '../../sdk/src/hospital-api.ts'
import { renewIdentity } from '../../sdk/src/renew-identity.ts'
import type { Context } from './context.ts'
import { replaceIdentity, type StoredIdentity } from './identities.ts'

/** @returns the identity to go on with. */
export async function renewCredential(
  { state, crypto, clock, output }: Context,
  who: StoredIdentity,
  hospital: HospitalApi,
): Promise<StoredIdentity> {
  try {
    const identity = await renewIdentity(hospital, who.identity, clock.nowMs())
    if (identity === who.identity) return who
    const renewed = { ...who, identity }
    replaceIdentity(state, crypto, who.slug, who.keys, renewed)
    output.detail('The credential of this key was about to end; the hospital gave a new one.')
    return renewed
  } catch (error) {
    if (!isUnavailable(error)) throw error
    return who
  }
}
