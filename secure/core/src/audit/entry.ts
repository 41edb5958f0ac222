/**
 * Entries of the log: what was stored, served or refused, to whom and why. Never content, never text that a person
 * wrote. Spec: docs/protocol/08-access.md §8.3.
 *
 * @module
 */
import {
  bool,
  bytes,
  decodeMessage,
  encodeCbor,
  literal,
  oneOf,
  optional,
  struct,
  text,
  uint,
  type CborValue,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'

export const ENTRY_KINDS = [
  'store',
  'chain',
  'read',
  'search',
  'list',
  'access-log',
  'deny',
  'erase',
  'rekey',
  'provision',
  'emergency-open',
  'emergency-close',
  'start',
  'configure',
  'program',
  'succession',
  'identity',
  'replica',
  'shares',
  'restore',
  'sealing',
  'commit',
] as const

const MAX_ENTRY_BYTES = 2_048

const ref = text({ min: 1, max: 64 })

/** For whom a hospital asks, as the hospital says (§8.3): a person, or an app that asks for nobody. */
export const onBehalfShape = struct({
  kind: oneOf('person', 'app'),
  id: text({ min: 1, max: 128 }),
  name: optional(text({ min: 1, max: 128 })),
  /** The app that the person uses. */
  app: optional(text({ min: 1, max: 128 })),
})
export type OnBehalf = Infer<typeof onBehalfShape>
const entryShape = struct({
  v: literal(1),
  t: oneOf(...ENTRY_KINDS),
  timeMs: uint(),
  /** Participant reference; the server's own for what it does by itself. */
  actor: ref,
  patient: optional(ref),
  record: optional(ref),
  version: optional(uint({ min: 1 })),
  /** `kind` or `kind:id`. */
  permission: optional(text({ max: 128 })),
  purpose: optional(text({ max: 16 })),
  /** Hospital at which the actor works. */
  place: optional(text({ max: 128 })),
  /** For whom the actor asked, by the actor's own word. */
  by: optional(onBehalfShape),
  /** True when a service asked and no person. */
  automatic: optional(bool()),
  code: optional(text({ max: 64 })),
  digest: optional(bytes({ length: 32 })),
  /** Of a `succession` that gives up what the ledger had vouched for: the checkpoint's epoch, and what stays of the log. */
  from: optional(struct({ epoch: uint({ min: 1 }), size: uint({ min: 1 }), root: bytes({ length: 32 }) })),
})

export type LogEntry = Omit<Infer<typeof entryShape>, 'v'>

export function encodeEntry(entry: LogEntry): Uint8Array {
  const members: Record<string, CborValue> = { v: 1 }
  for (const [name, value] of Object.entries(entry)) {
    if (value !== undefined) members[name] = value
  }
  return encodeCbor(members)
}

/** @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED` */
export function decodeEntry(encoded: Uint8Array): LogEntry {
  const { v: _, ...entry } = decodeMessage(encoded, entryShape, 'log entry', { maxBytes: MAX_ENTRY_BYTES })
  return entry
}
