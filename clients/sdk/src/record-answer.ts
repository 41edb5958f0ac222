/**
 * What the trusted application says of a record, as bytes come out of a session: shapes only, nothing is believed yet.
 * Spec: docs/protocol/04-records.md §4.5, §4.6, docs/protocol/08-access.md §8.5.
 *
 * @module
 */
import {
  authorRefShape,
  batchIdShape,
  bytes,
  ehrTypeShape,
  list,
  optional,
  recordIdShape,
  struct,
  text,
  txIdShape,
  uint,
  type Infer,
} from '../../../shared/protocol/src/index.ts'

const digest = bytes({ length: 32 })
const MAX_EHR_BYTES = 4 * 2 ** 20

/** The log entry of the version, its proof and the checkpoint that it leads to. */
export const logPlaceShape = struct({
  index: uint(),
  size: uint({ min: 1 }),
  entry: bytes({ min: 1, max: 2_048 }),
  proof: list(digest, { max: 54 }),
  checkpoint: text({ max: 65_536 }),
})
export type LogPlace = Infer<typeof logPlaceShape>

/** A version of a record with everything that its reader needs to check it. */
export const recordAnswerShape = struct({
  recordId: recordIdShape,
  version: uint({ min: 1 }),
  latestVersion: uint({ min: 1 }),
  author: authorRefShape,
  ehr: bytes({ min: 1, max: MAX_EHR_BYTES }),
  salt: digest,
  /** Compact JWS. */
  warrant: text({ max: 16_384 }),
  commitment: struct({
    recordId: recordIdShape,
    version: uint({ min: 1 }),
    patientTag: digest,
    doctorTag: digest,
    ehrHash: digest,
    warrantHash: digest,
    previous: bytes({ max: 32 }),
    batchId: batchIdShape,
    index: uint({ max: 999 }),
    txId: txIdShape,
    block: uint(),
  }),
  log: logPlaceShape,
  /** Log index of the entry for this very read. */
  accessIndex: uint(),
})
export type RecordAnswer = Infer<typeof recordAnswerShape>

/** One line of a list or search. */
export const recordItemShape = struct({
  record: recordIdShape,
  version: uint({ min: 1 }),
  ehrType: ehrTypeShape,
  resourceType: text({ max: 64 }),
  title: text({ max: 1_024 }),
  /** Clinical date, Unix ms; absent when the resource gives none. */
  dateMs: optional(uint()),
  author: authorRefShape,
  storedMs: uint(),
  erasedMs: optional(uint()),
  patient: optional(text({ max: 34 })),
})
export type RecordItem = Infer<typeof recordItemShape>

export const recordItemsShape = struct({
  items: list(recordItemShape, { max: 1_000 }),
  cursor: optional(text({ max: 1_024 })),
})

export const storedShape = struct({ receipt: text({ max: 16_384 }), log: logPlaceShape })
export type Stored = Infer<typeof storedShape>
