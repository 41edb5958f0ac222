/**
 * Registering one person with a code: the key is made here, proven to the hospital, and kept in an identity file.
 *
 * @module
 */
import { createKeys, signerOf, type Identity } from '../../sdk/src/identity.ts'
import { hospitalApi } from './connection.ts'
import type { Context } from './context.ts'
import { keepIdentity } from './identities.ts'
import type { HospitalEntry, SystemState } from './system-file.ts'

export interface PersonRegistration {
  readonly system: SystemState
  readonly hospital: HospitalEntry
  readonly name: string
  /** 12 characters, from the hospital. */
  readonly code: string
  readonly device: string
}

/** @returns the name for `--as` with the identity that was kept under it. */
export async function registerPerson(
  context: Context,
  { system, hospital, name, code, device }: PersonRegistration,
): Promise<{ readonly slug: string; readonly identity: Identity }> {
  const { crypto, state } = context
  const api = hospitalApi(context, system, hospital)
  const keys = createKeys(crypto)
  const signer = signerOf(crypto, keys.signingKey)
  const registered = await api.register(code, device, signer, keys.sealKey.publicKey)
  const identity: Identity = {
    kind: registered.kind,
    ref: registered.ref,
    mspId: registered.mspId,
    signer,
    sealKey: keys.sealKey,
    credential:
      registered.kind === 'patient'
        ? { kind: 'patient', jws: registered.credential }
        : { kind: 'x509', chain: registered.chain },
  }
  const file = { identity, name, hospital: { ref: registered.hospital.ref, url: api.url } }
  return { slug: keepIdentity(state, crypto, keys, file), identity }
}
