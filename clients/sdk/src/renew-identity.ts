/**
 * Credentials and certificates end; a client asks its hospital for the next one before, with the same key. The hospital
 * answers by the registered key, so one that has ended is renewed, too. Spec: docs/protocol/02-registration.md §2.9.
 *
 * @module
 */
import { parseCertificate } from '../../../shared/crypto/src/index.ts'
import { parseCredential } from '../../../shared/protocol/src/index.ts'
import type { HospitalApi } from './hospital-api.ts'
import type { Identity } from './identity.ts'

export const RENEW_BEFORE_MS = 30 * 86_400_000

/** When what proves the identity ends. Unix ms. */
export function identityEndsMs({ credential }: Pick<Identity, 'credential'>): number {
  if (credential.kind === 'x509') return chainEndsMs(credential.chain)
  const { payload, header } = parseCredential(credential.jws)
  // It opens nothing any more once the certificate that it was issued under has ended.
  const issuerEndsMs = chainEndsMs(header.x5c ?? [])
  return Math.min(payload.exp * 1000, issuerEndsMs)
}

function chainEndsMs(chain: readonly Uint8Array[]): number {
  return Math.min(...chain.map((der) => parseCertificate(der).notAfterMs))
}

/**
 * The identity to go on with: the same object while there is time. Patients and doctors; others have theirs from their
 * organisation's administrator.
 * @throws {ClientError} as the hospital answers; the old one serves while it lasts.
 */
export async function renewIdentity(api: HospitalApi, identity: Identity, nowMs: number): Promise<Identity> {
  const { kind, ref, signer } = identity
  if (identityEndsMs(identity) - nowMs > RENEW_BEFORE_MS) return identity
  if (kind === 'patient') {
    return { ...identity, credential: { kind: 'patient', jws: await api.renewCredential({ ref, signer }) } }
  }
  if (kind === 'practitioner') {
    return { ...identity, credential: { kind: 'x509', chain: await api.renewCertificate({ ref, signer }) } }
  }
  return identity
}
