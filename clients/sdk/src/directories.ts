/**
 * Doctors of other hospitals, by name. The lists pass through the own hospital; their signatures are checked here with
 * the keys that the ledger has, and a doctor is checked against the ledger before anything is given to her.
 * A name is the word of the hospital that lists it. Spec: docs/protocol/02-registration.md §2.11.
 *
 * @module
 */
import { decodeBase64url, type Crypto } from '../../../shared/crypto/src/index.ts'
import { participantRecordShape, type ParticipantRecord } from '../../../shared/ledger-model/src/index.ts'
import {
  directorySigningInput,
  parseDirectory,
  type Directory,
  type ErrorCode,
  type HospitalRef,
  type MspId,
  type PractitionerRef,
  type SignedDirectory,
} from '../../../shared/protocol/src/index.ts'
import { ClientError, codeOf, isUnavailable } from './errors.ts'
import type { HospitalApi } from './hospital-api.ts'
import type { RequestSigner } from './hospital-calls.ts'
import { parseLedgerResult, readLedger } from './ledger-reader.ts'
import type { LedgerReader } from './ports.ts'

export interface OtherHospital {
  readonly ref: HospitalRef
  /** As the own hospital knows it. */
  readonly name: string
  readonly practitioners: Directory['practitioners']
  /** Why its list is not there. */
  readonly problem?: ErrorCode
}

export interface DirectoryReader {
  readonly crypto: Crypto
  readonly hospital: HospitalApi
  readonly ledger: LedgerReader
}

/** Every other hospital that the own one names; one whose list cannot be had or believed has none and says why. */
export async function readDirectories(reader: DirectoryReader, as: RequestSigner): Promise<readonly OtherHospital[]> {
  const relayed = await reader.hospital.directories(as)
  return await Promise.all(
    relayed.map(async ({ ref, name, signed, problem }): Promise<OtherHospital> => {
      if (signed === undefined) return { ref, name, practitioners: [], problem: problem ?? 'DIRECTORY_UNAVAILABLE' }
      try {
        return { ref, name, practitioners: await openDirectory(reader, ref, signed) }
      } catch (error) {
        const code = codeOf(error)
        const isAway = code !== undefined && isUnavailable(error)
        return { ref, name, practitioners: [], problem: isAway ? code : 'DIRECTORY_REJECTED' }
      }
    }),
  )
}

/**
 * A hospital's list, if its service signed it.
 * @throws {ClientError} `DIRECTORY_REJECTED`; what reading the ledger throws. @throws {ProtocolError} `MESSAGE_MALFORMED`
 */
export async function openDirectory(
  { crypto, ledger }: Pick<DirectoryReader, 'crypto' | 'ledger'>,
  hospital: HospitalRef,
  signed: SignedDirectory,
): Promise<Directory['practitioners']> {
  const list = decodeBase64url(signed.list)
  const { value } = await readLedger(ledger, 'participant', [hospital], participantRecordShape)
  const key = crypto.importVerifyingKey(decodeBase64url(value.publicKey))
  const isSigned =
    isActive(value, 'hospital') && crypto.verify(key, directorySigningInput(list), decodeBase64url(signed.signature))
  if (!isSigned) throw new ClientError('DIRECTORY_REJECTED')
  const directory = parseDirectory(list)
  if (directory.hospital !== hospital) throw new ClientError('DIRECTORY_REJECTED')
  return directory.practitioners
}

/**
 * Whether the ledger has `practitioner` as an active doctor of the organisation of `hospital`, which listed her.
 * @returns the organisation.
 * @throws {ClientError} `DIRECTORY_ENTRY_REJECTED`; what reading the ledger throws.
 */
export async function checkListedDoctor(
  ledger: LedgerReader,
  hospital: HospitalRef,
  practitioner: PractitionerRef,
): Promise<MspId> {
  const answers = await ledger.read([hospital, practitioner].map((ref) => ({ fn: 'participant', args: [ref] })))
  const [listing, listed] = answers.map((answer) => {
    try {
      return parseLedgerResult(answer, participantRecordShape)
    } catch (cause) {
      if (codeOf(cause) === 'PARTICIPANT_UNKNOWN') throw new ClientError('DIRECTORY_ENTRY_REJECTED', { cause })
      throw cause
    }
  })
  const isRight =
    listing !== undefined &&
    listed !== undefined &&
    isActive(listing, 'hospital') &&
    isActive(listed, 'doctor') &&
    listing.mspId === listed.mspId
  if (!isRight) throw new ClientError('DIRECTORY_ENTRY_REJECTED')
  return listed.mspId
}

function isActive({ kind, status }: ParticipantRecord, wanted: ParticipantRecord['kind']): boolean {
  return kind === wanted && status === 'active'
}
