/**
 * What the trusted application asks of the host without being asked. The host may drop any of it: that costs
 * availability, never safety. Spec: docs/protocol/10-tee-abi.md §10.3.
 *
 * @module
 */
import { participantRefShape, recordIdShape, serverRefShape } from '../../protocol/src/ids.ts'
import { bytes, list, literal, struct, text, tuple, uint, variant, type Infer } from '../../protocol/src/shape.ts'
import { errorCodeShape, MAX_ITEMS, MAX_QUERIES } from './ops.ts'

export const effectShape = variant('fx', {
  /** Fetch endorsed reads, all with this nonce; the answers come back by `endorsement`. */
  need: struct({
    fx: literal('need'),
    need: uint(),
    queries: list(
      struct({
        fn: text({ max: 64, pattern: /^[a-zA-Z]{1,64}$/ }),
        args: list(text({ max: 65_536 }), { max: 16 }),
      }),
      { min: 1, max: MAX_QUERIES },
    ),
    nonce: bytes({ length: 32 }),
    minHeight: uint(),
  }),
  /** Tell by `committed` when these versions of records are in a block; at once when they are. */
  watch: struct({
    fx: literal('watch'),
    records: list(tuple(recordIdShape, uint({ min: 1 })), { min: 1, max: MAX_ITEMS }),
  }),
  /** Submit a statement that the trusted application signed (07 §7.12); then `anchored`. */
  anchor: struct({
    fx: literal('anchor'),
    serverRef: serverRefShape,
    epoch: uint({ min: 1 }),
    checkpoint: text({ min: 1, max: 65_536 }),
    signature: bytes({ length: 64 }),
  }),
  /** Something that a person should hear of; names a participant and no more. */
  notice: struct({
    fx: literal('notice'),
    kind: text({ max: 32, pattern: /^[a-z]+(-[a-z]+)*$/ }),
    ref: participantRefShape,
  }),
  /** The trusted application stops now. */
  fatal: struct({ fx: literal('fatal'), code: errorCodeShape }),
})

export type Effect = Infer<typeof effectShape>
export type EffectOf<K extends Effect['fx']> = Extract<Effect, { readonly fx: K }>
