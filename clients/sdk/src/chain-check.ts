/**
 * A group's work as it comes from the doctor before: every part is checked against the ledger before anything is added
 * to it. Spec: docs/protocol/04-records.md §4.4.
 *
 * @module
 */
import { decodeBase64url, decodeUtf8, type Crypto, type VerifyingKey } from '../../../shared/crypto/src/index.ts'
import { ehrTypeOf, FhirError, parseResource } from '../../../shared/fhir/src/index.ts'
import { participantRecordShape, patientKeysShape } from '../../../shared/ledger-model/src/index.ts'
import {
  checkChain,
  ProtocolError,
  type Chain,
  type CheckedLink,
  type Kid,
  type PatientRef,
  type PractitionerRef,
  type TreatmentKey,
} from '../../../shared/protocol/src/index.ts'
import { readLedger } from './ledger-reader.ts'
import type { LedgerReader } from './ports.ts'

export interface TurnCheck {
  readonly crypto: Crypto
  readonly ledger: LedgerReader
  readonly patient: PatientRef
  readonly treatmentKey: TreatmentKey
  readonly nowMs: number
}

/**
 * Checks the parts that are there; those who come later may be missing.
 * @throws {ProtocolError} with the part's number: `CHAIN_LINK_*`, `WARRANT_*`. @throws {ClientError} what reading the ledger throws.
 */
export async function checkTurnChain(chain: Chain, check: TurnCheck): Promise<readonly CheckedLink[]> {
  const { crypto, ledger, patient, treatmentKey, nowMs } = check
  const { value: known } = await readLedger(ledger, 'keysOf', [patient], patientKeysShape)
  const active = known.keys.filter(({ removedMs }) => removedMs === null)
  const patientKeys = new Map<Kid, VerifyingKey>(active.map(({ kid, publicKey }) => [kid, keyOf(crypto, publicKey)]))
  const authors = [...new Set(chain.links.map(({ author }) => author))]
  const doctorKeys = new Map<PractitionerRef, VerifyingKey>()
  for (const author of authors) {
    const { value } = await readLedger(ledger, 'participant', [author], participantRecordShape)
    doctorKeys.set(author, keyOf(crypto, value.publicKey))
  }
  const options = { patient, treatmentKey, patientKeys, doctorKeys, nowMs, allowUnfinished: true, ehrTypeOf: kindOf }
  return checkChain(crypto, chain, options)
}

function keyOf(crypto: Crypto, publicKey: string): VerifyingKey {
  return crypto.importVerifyingKey(decodeBase64url(publicKey))
}

function kindOf(ehr: Uint8Array): string {
  try {
    return ehrTypeOf(parseResource(decodeUtf8(ehr)))
  } catch (cause) {
    if (cause instanceof FhirError)
      throw new ProtocolError('MESSAGE_MALFORMED', 'a part is no FHIR resource', { cause })
    throw cause
  }
}
