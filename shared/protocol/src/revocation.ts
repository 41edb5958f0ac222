/**
 * Revocations: a patient takes a warrant or a grant back.
 * Spec: docs/protocol/03-envelopes-and-warrants.md §3.6.
 *
 * @module
 */
import type { Crypto, SigningKey } from '../../crypto/src/port.ts'
import {
  type GrantId,
  type Kid,
  type PatientRef,
  patientRefShape,
  revocableIdShape,
  type RevocationId,
  revocationIdShape,
  type WarrantId,
} from './ids.ts'
import {
  parseStatement,
  prepareStatement,
  signStatement,
  type UnsignedStatement,
  type UnverifiedStatement,
} from './jws.ts'
import { numericDateShape } from './jwt-times.ts'
import { checkSignedByPatient, type PatientSigner } from './patient-signer.ts'
import { refuseAs } from './refusal.ts'
import { type Shape, struct } from './shape.ts'

const TYP = 'trusthealth-revocation+jwt'

export interface Revocation {
  readonly jti: RevocationId
  readonly iss: PatientRef
  /** The warrant or grant that ends. */
  readonly target: WarrantId | GrantId
  /** Seconds, by the patient's device; it ends when the ledger has it, whatever stands here. */
  readonly iat: number
}

export const revocationShape: Shape<Revocation> = struct({
  jti: revocationIdShape,
  iss: patientRefShape,
  target: revocableIdShape,
  iat: numericDateShape,
})

/** @throws {ProtocolError} `MESSAGE_MALFORMED` */
export function issueRevocation(crypto: Crypto, key: SigningKey, revocation: Revocation): string {
  return signStatement(crypto, key, TYP, revocationShape(revocation, 'revocation'))
}

/** As `issueRevocation`, for a signer elsewhere. */
export function prepareRevocation(kid: Kid, revocation: Revocation): UnsignedStatement {
  return prepareStatement(kid, TYP, revocationShape(revocation, 'revocation'))
}

/** Checks form only. @throws {ProtocolError} `STATEMENT_MALFORMED` */
export function parseRevocation(jws: string): UnverifiedStatement<Revocation> {
  return parseStatement(jws, TYP, revocationShape)
}

/** @throws {ProtocolError} `REVOCATION_INVALID`: malformed, of another patient, or not signed by an active key. */
export function verifyRevocation(crypto: Crypto, jws: string, signer: PatientSigner): Revocation {
  return refuseAs('REVOCATION_INVALID', 'the revocation is not signed by an active key of the patient', () =>
    checkSignedByPatient(crypto, parseRevocation(jws), signer),
  )
}
