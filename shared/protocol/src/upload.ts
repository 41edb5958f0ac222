/**
 * What is inside an uploaded envelope: one record (kind `record`), or the parts of a chain of doctors (kind `chain`).
 * Spec: docs/protocol/04-records.md §4.3 and §4.4.
 *
 * @module
 */
import { encodeCbor } from './cbor.ts'
import { SALT_BYTES } from './commitment.ts'
import { MAX_ENVELOPE_BYTES } from './envelope.ts'
import { ProtocolError } from './errors.ts'
import {
  type ChainId,
  chainIdShape,
  type PractitionerRef,
  practitionerRefShape,
  type RecordId,
  recordIdShape,
} from './ids.ts'
import { MAX_STATEMENT_BYTES } from './jws.ts'
import { decodeMessage } from './message.ts'
import { bytes, list, literal, refine, type Shape, struct, text, uint } from './shape.ts'

export const MAX_EHR_BYTES = 4 * 1024 * 1024
export const MAX_CHAIN_LINKS = 16

export interface RecordUpload {
  readonly recordId: RecordId
  /** 1 up. */
  readonly version: number
  /** 1 byte to 4 MiB, FHIR JSON as it is stored and hashed. */
  readonly ehr: Uint8Array
  /** 32 bytes, fresh. */
  readonly salt: Uint8Array
  /** Compact JWS. */
  readonly warrant: string
  /** `ehrHash` of the version before; empty for version 1. */
  readonly previous: Uint8Array
}

/** A doctor's part of a chain; always the first version of its record. */
export interface ChainLink {
  readonly recordId: RecordId
  readonly author: PractitionerRef
  /** 1 byte to 4 MiB. */
  readonly ehr: Uint8Array
  /** 32 bytes, fresh. */
  readonly salt: Uint8Array
  /** Compact JWS; names the author. */
  readonly warrant: string
  /** 64 bytes over this link and all before it. */
  readonly signature: Uint8Array
}

export interface Chain {
  readonly chainId: ChainId
  /** 1 to 16, in the order in which the doctors added them; none only in a chain that was just started. */
  readonly links: readonly ChainLink[]
}

/** Its length is a refusal of its own (`RECORD_TOO_LARGE`), so the shape lets pass what fits into an envelope. */
const ehrShape = bytes({ min: 1, max: MAX_ENVELOPE_BYTES })
const saltShape = bytes({ length: SALT_BYTES })
const statementShape = text({ min: 1, max: MAX_STATEMENT_BYTES })

const recordUploadShape = refine(
  struct({
    v: literal(1),
    recordId: recordIdShape,
    version: uint({ min: 1 }),
    ehr: ehrShape,
    salt: saltShape,
    warrant: statementShape,
    previous: bytes({ max: 32 }),
  }),
  ({ version, previous }) => previous.length === (version === 1 ? 0 : 32),
  'has a predecessor that does not fit its version',
)

const chainLinkShape: Shape<ChainLink> = struct({
  recordId: recordIdShape,
  author: practitionerRefShape,
  ehr: ehrShape,
  salt: saltShape,
  warrant: statementShape,
  signature: bytes({ length: 64 }),
})
const chainUploadShape = struct({
  v: literal(1),
  chainId: chainIdShape,
  links: list(chainLinkShape, { min: 1, max: MAX_CHAIN_LINKS }),
})

/** @throws {ProtocolError} `MESSAGE_MALFORMED`, `RECORD_TOO_LARGE` for what no reader would take. */
export function encodeRecordUpload(upload: RecordUpload): Uint8Array {
  const { recordId, version, ehr, salt, warrant, previous } = upload
  const message = { v: 1, recordId, version, ehr, salt, warrant, previous }
  recordUploadShape(message, 'record')
  checkSize(ehr)
  return encodeCbor(message)
}

/** @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`, `RECORD_TOO_LARGE` */
export function decodeRecordUpload(plaintext: Uint8Array): RecordUpload {
  const { v: _v, ...upload } = decodeMessage(plaintext, recordUploadShape, 'record')
  checkSize(upload.ehr)
  return upload
}

/** @throws {ProtocolError} `MESSAGE_MALFORMED`, `RECORD_TOO_LARGE` for what no reader would take. */
export function encodeChainUpload({ chainId, links }: Chain): Uint8Array {
  const message = chainUploadShape({ v: 1, chainId, links }, 'chain')
  checkSizes(message.links)
  return encodeCbor({ v: 1, chainId, links: message.links.map((link) => ({ ...link })) })
}

/** Checks form only; see `checkChain`. @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`, `RECORD_TOO_LARGE` */
export function decodeChainUpload(plaintext: Uint8Array): Chain {
  const { chainId, links } = decodeMessage(plaintext, chainUploadShape, 'chain')
  checkSizes(links)
  return { chainId, links }
}

function checkSizes(links: readonly ChainLink[]): void {
  for (const [i, { ehr }] of links.entries()) checkSize(ehr, i + 1)
}

function checkSize(ehr: Uint8Array, link?: number): void {
  if (ehr.length > MAX_EHR_BYTES) {
    throw new ProtocolError('RECORD_TOO_LARGE', 'a record has at most 4 MiB', link === undefined ? {} : { link })
  }
}
