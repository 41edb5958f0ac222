/**
 * People of a test world: they register as anybody does, with a code from the hospital's staff and a key of their own.
 *
 * @module
 */
import {
  createKeys,
  HospitalApi,
  relayedBy,
  signerOf,
  VerifyingLedgerReader,
  type ConsortiumConfig,
  type Identity,
  type InvitationRequest,
  type NewKeys,
  type ParticipantOptions,
  type Transport,
} from '../../../clients/sdk/src/index.ts'
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import type { AttestationPolicy, ServerRef } from '../../../shared/protocol/src/index.ts'
import type { MovableClock } from './clock.ts'

/** Accepts what tests run in; says so in its name's stead: nothing here is protected. */
export const PRACTICE: AttestationPolicy = {
  teeKinds: ['process', 'optee'],
  minSecurityVersion: 0,
  allowSimulated: true,
}

/** What a client of one hospital is made of. */
export interface Surroundings {
  readonly crypto: Crypto
  readonly clock: MovableClock
  readonly hospitalUrl: string
  readonly hospitalName: string
  readonly consortium: ConsortiumConfig
  readonly serverRef: ServerRef
  readonly transport: () => Transport
}

export function participantOptions(
  surroundings: Surroundings,
  identity: Identity,
  changes: Partial<ParticipantOptions> = {},
): ParticipantOptions {
  const { crypto, clock, consortium, serverRef, hospitalName } = surroundings
  const hospital = hospitalApi(surroundings)
  const signer = { ref: identity.ref, signer: identity.signer }
  return {
    crypto,
    clock,
    identity,
    hospital,
    ledger: new VerifyingLedgerReader(crypto, consortium, relayedBy(hospital, signer), hospitalName),
    serverRef,
    transport: surroundings.transport(),
    policy: PRACTICE,
    ...changes,
  }
}

export function hospitalApi({ crypto, clock, hospitalUrl }: Surroundings): HospitalApi {
  return new HospitalApi({ crypto, clock, fetch, url: hospitalUrl })
}

export interface Registered {
  readonly identity: Identity
  readonly keys: NewKeys
}

/** Registers with a code of the staff. */
export async function register(
  surroundings: Surroundings,
  staff: { invite(invitation: InvitationRequest): Promise<{ readonly code: string }> },
  invitation: InvitationRequest,
): Promise<Registered> {
  const { crypto } = surroundings
  const keys = createKeys(crypto)
  const signer = signerOf(crypto, keys.signingKey)
  const { code } = await staff.invite(invitation)
  const registered = await hospitalApi(surroundings).register(code, 'phone', signer, keys.sealKey.publicKey)
  const common = { mspId: registered.mspId, signer, sealKey: keys.sealKey }
  const identity: Identity =
    registered.kind === 'patient'
      ? { ...common, kind: 'patient', ref: registered.ref, credential: { kind: 'patient', jws: registered.credential } }
      : { ...common, kind: 'practitioner', ref: registered.ref, credential: { kind: 'x509', chain: registered.chain } }
  return { identity, keys }
}
