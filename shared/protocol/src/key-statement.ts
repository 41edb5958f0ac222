/**
 * Key statements: a patient adds or removes the key of a device, signed by a key that is active.
 * Spec: docs/protocol/03-envelopes-and-warrants.md §3.7.
 *
 * @module
 */
import { decodeBase64url } from '../../crypto/src/bytes.ts'
import type { Crypto, SigningKey } from '../../crypto/src/port.ts'
import { ProtocolError } from './errors.ts'
import {
  type Kid,
  kidShape,
  type KeyStatementId,
  keyStatementIdShape,
  type PatientRef,
  patientRefShape,
} from './ids.ts'
import {
  kidOf,
  parseStatement,
  prepareStatement,
  signStatement,
  type UnsignedStatement,
  type UnverifiedStatement,
} from './jws.ts'
import { numericDateShape } from './jwt-times.ts'
import { checkSignedByPatient, type PatientSigner } from './patient-signer.ts'
import { refuseAs } from './refusal.ts'
import { b64u, literal, oneOf, type Shape, struct, text, variant } from './shape.ts'

const TYP = 'trusthealth-key+jwt'

interface KeyStatementBase {
  readonly jti: KeyStatementId
  readonly iss: PatientRef
  /** Thumbprint of the key that comes or goes; not of the one that signs. */
  readonly kid: Kid
  /** Seconds. */
  readonly iat: number
}

export interface AddKeyStatement extends KeyStatementBase {
  readonly action: 'add'
  /** b64u, 65 bytes, P-256. */
  readonly publicKey: string
  /** b64u, 32 bytes, X25519. */
  readonly sealKey: string
  /** Short name of the device; the ledger is forever, so no names of persons. */
  readonly label: string
  readonly kind: 'device' | 'recovery'
}

export interface RemoveKeyStatement extends KeyStatementBase {
  readonly action: 'remove'
}

export type KeyStatement = AddKeyStatement | RemoveKeyStatement

/** 1 to 40 letters, digits, spaces, dots, underscores and hyphens; the ends are a letter or digit. */
export const deviceLabelShape = text({ min: 1, max: 40, pattern: /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,38}[A-Za-z0-9])?$/ })

const baseMembers = { jti: keyStatementIdShape, iss: patientRefShape, kid: kidShape, iat: numericDateShape }

export const keyStatementShape: Shape<KeyStatement> = variant('action', {
  add: struct({
    ...baseMembers,
    action: literal('add'),
    publicKey: b64u(65),
    sealKey: b64u(32),
    label: deviceLabelShape,
    kind: oneOf('device', 'recovery'),
  }),
  remove: struct({ ...baseMembers, action: literal('remove') }),
})

/** @throws {ProtocolError} `MESSAGE_MALFORMED` */
export function issueKeyStatement(crypto: Crypto, key: SigningKey, statement: KeyStatement): string {
  return signStatement(crypto, key, TYP, keyStatementShape(statement, 'statement'))
}

/** As `issueKeyStatement`, for a signer elsewhere. @param signerKid the key that signs, not the one that it is about. */
export function prepareKeyStatement(signerKid: Kid, statement: KeyStatement): UnsignedStatement {
  return prepareStatement(signerKid, TYP, keyStatementShape(statement, 'statement'))
}

/** Checks form only. @throws {ProtocolError} `STATEMENT_MALFORMED` */
export function parseKeyStatement(jws: string): UnverifiedStatement<KeyStatement> {
  return parseStatement(jws, TYP, keyStatementShape)
}

/**
 * @throws {ProtocolError} `KEY_STATEMENT_INVALID`: malformed, of another patient, not signed by an active key, or about
 * a public key that is none or has another id.
 */
export function verifyKeyStatement(crypto: Crypto, jws: string, signer: PatientSigner): KeyStatement {
  return refuseAs('KEY_STATEMENT_INVALID', 'the key statement is not one of an active key of the patient', () => {
    const statement = checkSignedByPatient(crypto, parseKeyStatement(jws), signer)
    if (statement.action === 'add') checkNewKey(crypto, statement)
    return statement
  })
}

function checkNewKey(crypto: Crypto, { kid, publicKey }: AddKeyStatement): void {
  const point = decodeBase64url(publicKey)
  crypto.importVerifyingKey(point)
  if (kidOf(crypto, point) !== kid) throw new ProtocolError('KEY_STATEMENT_INVALID', 'the key has another id')
}
