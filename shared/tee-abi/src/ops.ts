/**
 * Every operation the host may ask of the trusted application, in one row each: what it carries, what it answers, and
 * from which state on it is served. Both sides check messages by this table. Spec: docs/protocol/10-tee-abi.md §10.2.
 *
 * @module
 */
import { isErrorCode, type ErrorCode } from '../../protocol/src/error-table.ts'
import { batchIdShape, mspIdShape, recordIdShape, serverRefShape, txIdShape } from '../../protocol/src/ids.ts'
import { MAX_STATEMENT_BYTES } from '../../protocol/src/jws.ts'
import { MAX_RECORD_BYTES } from '../../protocol/src/session/record-layer.ts'
import {
  bool,
  bytes,
  list,
  oneOf,
  optional,
  refine,
  text,
  tuple,
  uint,
  type Infer,
  type Shape,
  struct,
  type StructOf,
} from '../../protocol/src/shape.ts'

/** States of the trusted application, in the order it goes through them. */
export const TA_STATES = ['new', 'provisioned', 'following', 'restoring', 'recovering', 'serving'] as const
/** `off`: nobody follows; `synchronous`: what is answered, the replica has. */
export const REPLICATION_MODES = ['off', 'asynchronous', 'synchronous'] as const
export type ReplicationMode = (typeof REPLICATION_MODES)[number]
export type TaState = (typeof TA_STATES)[number]

/** Items of one `committed` request or one `watch` effect; more go in several. */
export const MAX_ITEMS = 10_000
/** Queries of one `need`. */
export const MAX_QUERIES = 256
/** Organisations that answer one query. */
export const MAX_ENDORSERS = 64

/** A code of the product's error table. */
export const errorCodeShape: Shape<ErrorCode> = refine(
  text({ min: 1, max: 64 }) as Shape<ErrorCode>,
  isErrorCode,
  'is not a known code',
)
const digest = bytes({ length: 32 })
const mspIds = list(mspIdShape, { max: 64 })
const statement = text({ min: 1, max: MAX_STATEMENT_BYTES })
const record = bytes({ min: 1, max: MAX_RECORD_BYTES })
const point = bytes({ length: 65 })
/** C2SP signed note with its witness lines. */
const checkpoint = text({ min: 1, max: 16_384 })
/** A file name inside the store: no path. */
const backupName = text({ max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/ })
const endorsedAnswerShape = struct({
  answer: bytes({ min: 1, max: 16 * 1024 * 1024 }),
  signature: bytes({ length: 64 }),
})

type Members = Parameters<typeof struct>[0]

interface AbiOp {
  readonly request: Members
  readonly answer: Members
  /** The first state in which the operation is served; `new` is always. */
  readonly from: TaState
}

/** [recordId, version, batchId, index, txId, block]: where the ledger shows a record. */
export const committedItemShape = tuple(recordIdShape, uint({ min: 1 }), batchIdShape, uint(), txIdShape, uint())

export type CommittedItem = Infer<typeof committedItemShape>

/** Reads of the ledger of one `need`, query by query; every organisation's answer to it. */
export const endorsementsShape = list(list(endorsedAnswerShape, { max: MAX_ENDORSERS }), { min: 1, max: MAX_QUERIES })

export const ABI_OPS = {
  hello: {
    request: { hello: bytes({ min: 1, max: 2_048 }), conn: uint() },
    answer: { reply: bytes({ min: 1, max: 32_768 }) },
    from: 'serving',
  },
  finish: { request: { finish: bytes({ min: 1, max: 32_768 }) }, answer: { record }, from: 'serving' },
  record: { request: { record }, answer: { record }, from: 'serving' },
  /** Answers of the ledger, or why there are none: exactly one of `answers` and `code`. */
  endorsement: {
    request: {
      need: uint(),
      answers: optional(endorsementsShape),
      /** Which row of `answers` is of each query, where one row serves several. */
      rows: optional(list(uint({ max: MAX_QUERIES - 1 }), { min: 1, max: MAX_QUERIES })),
      code: optional(errorCodeShape),
    },
    answer: {},
    from: 'following',
  },
  committed: {
    request: { items: list(committedItemShape, { min: 1, max: MAX_ITEMS }) },
    answer: {},
    from: 'recovering',
  },
  anchored: { request: { epoch: uint(), code: optional(errorCodeShape) }, answer: {}, from: 'recovering' },
  provision: {
    request: { config: bytes({ min: 1, max: 1024 * 1024 }) },
    answer: {
      configDigest: digest,
      identityKey: point,
      /** Signs evidence; absent where the TEE kind has a certificate chain. */
      attestationKey: optional(point),
      csr: optional(bytes({ min: 1, max: 8_192 })),
    },
    from: 'new',
  },
  /** A configuration update as the ledger takes it (07-ledger.md §7.4). */
  reconfigure: {
    request: { update: bytes({ min: 1, max: 2 * 1024 * 1024 }) },
    answer: { configDigest: digest, sequence: uint() },
    from: 'serving',
  },
  /** The next identity key, made once until it is taken, signed by the one that is in force (02-registration.md §2.10). */
  'next-identity': { request: {}, answer: { identityKey: point, handover: bytes({ length: 64 }) }, from: 'serving' },
  /** A certificate of the next identity key: that one is taken as soon as the ledger has it. */
  'take-identity': { request: { cert: bytes({ min: 1, max: 8_192 }) }, answer: {}, from: 'serving' },
  /** Another sealing key inside the store, which everything sealed moves to (10-tee-abi.md §10.10). */
  'exchange-sealing': { request: {}, answer: { generation: uint({ min: 1 }) }, from: 'serving' },
  certificate: { request: { cert: bytes({ min: 1, max: 8_192 }) }, answer: {}, from: 'provisioned' },
  status: {
    request: {},
    answer: {
      state: oneOf(...TA_STATES),
      serverRef: optional(serverRefShape),
      measurement: digest,
      identityKey: optional(point),
      attestationKey: optional(point),
      configDigest: optional(digest),
      /** Of the channel's configuration that is in force here. */
      sequence: optional(uint()),
      /** The key by which this application on this device is known, and the term in which it holds the store (10.9). */
      instance: optional(digest),
      term: optional(uint()),
      logSize: uint(),
      /** Of the log at `logSize`. */
      logRoot: optional(digest),
      epoch: uint(),
      anchoredSize: optional(uint()),
      anchoredRoot: optional(digest),
      sessions: uint(),
      waiting: uint(),
      isolation: list(text({ min: 1, max: 64 }), { max: 16 }),
      records: uint(),
      patients: uint(),
      /** Of a server with a replica: `position` is its own, `acknowledged` what the replica has said that it has. */
      replication: optional(
        struct({
          mode: oneOf(...REPLICATION_MODES),
          position: uint(),
          acknowledged: uint(),
          heardMs: optional(uint()),
        }),
      ),
      /** Of a replica: what it has. */
      following: optional(struct({ position: uint(), logSize: uint() })),
      /** Which sealing key the store has, and whether something is still sealed with the one before. */
      sealing: optional(struct({ generation: uint(), isExchanging: bool() })),
      /** The newest set of recovery shares: whose they are, and who has said that it keeps its share (12.2). */
      shares: optional(
        struct({ number: uint({ min: 1 }), timeMs: uint(), threshold: uint(), holders: mspIds, held: mspIds }),
      ),
      /** While a key is put together from shares (12.5). */
      restoring: optional(
        struct({
          number: optional(uint({ min: 1 })),
          threshold: optional(uint()),
          given: mspIds,
          wrong: mspIds,
          isComplete: bool(),
        }),
      ),
    },
    from: 'new',
  },
  attest: { request: { nonce: digest }, answer: { evidence: statement }, from: 'provisioned' },
  checkpoint: { request: {}, answer: { checkpoint }, from: 'serving' },
  /** Of inclusion with `index` and `size`, of consistency with `from` and `to`. */
  proof: {
    request: { index: optional(uint()), size: optional(uint()), from: optional(uint()), to: optional(uint()) },
    answer: { proof: list(digest, { max: 64 }) },
    from: 'serving',
  },
  'anchor-now': { request: {}, answer: { epoch: uint() }, from: 'serving' },
  backup: { request: { name: backupName }, answer: { name: backupName, checkpoint }, from: 'serving' },
  /** As provisioned, or as an update left it. */
  configuration: { request: {}, answer: { config: bytes({ min: 1, max: 1024 * 1024 }) }, from: 'provisioned' },
  // Of a server that is followed (docs/protocol/11-replica.md).
  'replica-mode': {
    request: { mode: oneOf(...REPLICATION_MODES), key: optional(point) },
    answer: { position: uint() },
    from: 'serving',
  },
  'replica-hello': {
    request: { hello: bytes({ min: 1, max: 2_048 }) },
    answer: { reply: bytes({ min: 1, max: 32_768 }) },
    from: 'serving',
  },
  'replica-finish': { request: { finish: bytes({ min: 1, max: 32_768 }) }, answer: { record }, from: 'serving' },
  'replica-record': { request: { record }, answer: { record }, from: 'serving' },
  // Of a replica.
  'follow-prepare': {
    request: { config: bytes({ min: 1, max: 1024 * 1024 }) },
    answer: { key: point, instance: digest, attestationKey: optional(point) },
    from: 'new',
  },
  'follow-hello': { request: {}, answer: { hello: bytes({ min: 1, max: 2_048 }) }, from: 'following' },
  'follow-reply': {
    request: { reply: bytes({ min: 1, max: 32_768 }) },
    answer: { finish: bytes({ min: 1, max: 32_768 }) },
    from: 'following',
  },
  /** Takes an answer of the server; gives the next request, none while there is no store. */
  'follow-record': { request: { record }, answer: { record: optional(record) }, from: 'following' },
  /** A new copy of the store is about to be put in its place. */
  'follow-close': { request: {}, answer: {}, from: 'following' },
  /** The copy of the store is in its place. */
  'follow-open': { request: {}, answer: { position: uint() }, from: 'following' },
  promote: { request: {}, answer: {}, from: 'following' },
  // Of one that restores the store of a lost server (docs/protocol/12-recovery-shares.md).
  'restore-prepare': {
    request: { config: bytes({ min: 1, max: 1024 * 1024 }) },
    answer: { key: point, instance: digest, attestationKey: optional(point) },
    from: 'new',
  },
  'restore-hello': {
    request: { hello: bytes({ min: 1, max: 2_048 }), conn: uint() },
    answer: { reply: bytes({ min: 1, max: 32_768 }) },
    from: 'restoring',
  },
  'restore-finish': { request: { finish: bytes({ min: 1, max: 32_768 }) }, answer: { record }, from: 'restoring' },
  'restore-record': { request: { record }, answer: { record }, from: 'restoring' },
  /** The copy of the store is in its place. */
  'restore-open': { request: {}, answer: {}, from: 'restoring' },
  stop: { request: {}, answer: {}, from: 'new' },
} as const satisfies Record<string, AbiOp>

export type AbiOpName = keyof typeof ABI_OPS
/** What the host gives with an operation. */
export type AbiRequest<O extends AbiOpName> = StructOf<(typeof ABI_OPS)[O]['request']>
/** What the trusted application answers to an operation that it did. */
export type AbiAnswer<O extends AbiOpName> = StructOf<(typeof ABI_OPS)[O]['answer']>

export function isAbiOp(value: unknown): value is AbiOpName {
  return typeof value === 'string' && Object.hasOwn(ABI_OPS, value)
}

/** Whether an operation is served in a state. */
export function isServed(op: AbiOpName, state: TaState): boolean {
  return TA_STATES.indexOf(state) >= TA_STATES.indexOf(ABI_OPS[op].from)
}

/** Conditions between members, which the rows cannot say. */
export const RULES: { readonly [O in AbiOpName]?: (request: AbiRequest<O>) => boolean } = {
  endorsement: ({ answers, rows, code }) =>
    (answers === undefined) !== (code === undefined) && (rows === undefined || answers !== undefined),
  proof: ({ index, size, from, to }) => {
    const given = [index, size, from, to].map((value) => value !== undefined).join()
    return given === 'true,true,false,false' || given === 'false,false,true,true'
  },
}
