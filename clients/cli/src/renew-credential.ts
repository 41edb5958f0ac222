/**
 * A patient's credential is renewed with the hospital before it ends, with the key that is registered; nobody has to
 * think of it. Where the hospital does not answer, the old one serves while it lasts.
 *
 * @module
 */
import { parseCredential } from '../../../shared/protocol/src/index.ts'
import { isUnavailable } from '../../sdk/src/errors.ts'
import type { HospitalApi } from '../../sdk/src/hospital-api.ts'
import type { Context } from './context.ts'
import { replaceIdentity, type StoredIdentity } from './identities.ts'

const RENEW_BEFORE_MS = 30 * 86_400_000

/** @returns the identity to go on with. */
export async function renewCredential(
  { state, crypto, clock, output }: Context,
  who: StoredIdentity,
  hospital: HospitalApi,
): Promise<StoredIdentity> {
  const { credential, ref, signer } = who.identity
  if (credential.kind !== 'patient') return who
  const { exp } = parseCredential(credential.jws).payload
  if (exp * 1000 - clock.nowMs() > RENEW_BEFORE_MS) return who
  try {
    const jws = await hospital.renewCredential({ ref, signer })
    const identity = { ...who.identity, credential: { kind: 'patient', jws } } as const
    const renewed = { ...who, identity }
    replaceIdentity(state, crypto, who.slug, who.keys, renewed)
    output.detail('The credential of this key was about to end; the hospital gave a new one.')
    return renewed
  } catch (error) {
    if (!isUnavailable(error)) throw error
    return who
  }
}
