/**
 * The recording of a warrant: what the ledger gets to see of it. No scope, no aux.
 * Spec: docs/protocol/03-envelopes-and-warrants.md §3.4.
 *
 * @module
 */
import type { Crypto, SigningKey } from '../../crypto/src/port.ts'
import { type Kid, sha256Hex, type Sha256Hex, sha256HexShape } from './ids.ts'
import {
  parseStatement,
  prepareStatement,
  signStatement,
  type UnsignedStatement,
  type UnverifiedStatement,
} from './jws.ts'
import { checkSignedByPatient, type PatientSigner } from './patient-signer.ts'
import { refuseAs } from './refusal.ts'
import { refine, type Shape, struct } from './shape.ts'
import { hasRightTerms, parseWarrant, type Warrant, warrantHash, warrantMembers } from './warrant.ts'

const TYP = 'trusthealth-warrant-record+jwt'

export interface WarrantRecording extends Omit<Warrant, 'scope' | 'aux'> {
  readonly warrantHash: Sha256Hex
}

export const warrantRecordingShape: Shape<WarrantRecording> = refine(
  struct({ ...warrantMembers, warrantHash: sha256HexShape }),
  hasRightTerms,
  'has terms that contradict each other',
)

/** The recording of a warrant, signed by the same key. @throws {ProtocolError} `STATEMENT_MALFORMED` */
export function makeWarrantRecord(crypto: Crypto, key: SigningKey, warrantJws: string): string {
  return signStatement(crypto, key, TYP, recordingOf(crypto, warrantJws))
}

/** As `makeWarrantRecord`, for a signer elsewhere. @param kid the key that signed the warrant. */
export function prepareWarrantRecord(crypto: Crypto, kid: Kid, warrantJws: string): UnsignedStatement {
  return prepareStatement(kid, TYP, recordingOf(crypto, warrantJws))
}

/** Checks form only. @throws {ProtocolError} `STATEMENT_MALFORMED` */
export function parseWarrantRecord(jws: string): UnverifiedStatement<WarrantRecording> {
  return parseStatement(jws, TYP, warrantRecordingShape)
}

/** @throws {ProtocolError} `STATEMENT_MALFORMED`; `WARRANT_SIGNATURE_INVALID` also for another patient's. */
export function verifyWarrantRecord(crypto: Crypto, jws: string, signer: PatientSigner): WarrantRecording {
  const statement = parseWarrantRecord(jws)
  return refuseAs('WARRANT_SIGNATURE_INVALID', 'no active key of the patient signed the recording', () =>
    checkSignedByPatient(crypto, statement, signer),
  )
}

/** Whether a recording is that of this warrant: every member that both have is the same. */
export function isRecordingOf(crypto: Crypto, recording: WarrantRecording, warrantJws: string): boolean {
  const warrant = recordingOf(crypto, warrantJws)
  return JSON.stringify(warrantRecordingShape(recording, 'recording')) === JSON.stringify(warrant)
}

function recordingOf(crypto: Crypto, warrantJws: string): WarrantRecording {
  const { jti, iss, doctors, hospital, nbf, exp } = parseWarrant(warrantJws).payload
  const hash = sha256Hex(warrantHash(crypto, warrantJws))
  return { jti, iss, doctors, hospital, nbf, exp, warrantHash: hash }
}
