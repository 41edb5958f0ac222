/**
 * Answers about records that wait for the record server, and about those that the hospital asks to be destroyed.
 *
 * @module
 */
import {
  authorRefShape,
  oneOf,
  optional,
  patientRefShape,
  recordIdShape,
  struct,
  text,
  uint,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'
import { bytesText } from './common.ts'
import { placeShape } from './ledger.ts'

const outboxMembers = {
  record: recordIdShape,
  version: uint({ min: 1 }),
  author: authorRefShape,
  patient: patientRefShape,
  state: oneOf('waiting', 'delivered', 'refused'),
  sinceMs: uint(),
  place: optional(placeShape),
  receipt: optional(text({ max: 16_384 })),
  code: optional(text({ max: 64 })),
}

export const outboxEntryShape = struct(outboxMembers)

export const outboxContentShape = struct({ ...outboxMembers, envelope: optional(bytesText) })

/** A record that the hospital keeps until it is in the patient's record; `place`: its fingerprint is on the ledger. @useDeclaredType */
export type OutboxEntry = Infer<typeof outboxEntryShape>

export const eraseRequestShape = struct({
  id: text({ max: 34 }),
  patient: patientRefShape,
  record: recordIdShape,
  resourceType: text({ max: 64 }),
  resourceId: text({ max: 64 }),
  by: text({ max: 128 }),
  byName: optional(text({ max: 256 })),
  reason: optional(text({ max: 256 })),
  askedMs: uint(),
  state: oneOf('requested', 'kept', 'cancelled', 'erased'),
  answeredMs: optional(uint()),
})

/** A record that the hospital took out of its own use and asks the patient to destroy. @useDeclaredType */
export type EraseRequest = Infer<typeof eraseRequestShape>
