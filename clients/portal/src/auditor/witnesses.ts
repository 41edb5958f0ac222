/**
 * What hospitals saw of the record server's log: the newest checkpoint that they cosigned, checked with the keys that the
 * ledger has of them, and what this hospital refused as another history. Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 * @module
 */
import { equalBytes, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { logOriginOf, participantRecordShape, serverNoteKeys } from '../../../../shared/ledger-model/src/index.ts'
import {
  isErrorCode,
  list,
  parseJson,
  struct,
  text,
  uint,
  type MspId,
  type ServerRef,
} from '../../../../shared/protocol/src/index.ts'
import { openCheckpoint, verifyConsistency, type Checkpoint, type NoteKey } from '../../../../shared/tlog/src/index.ts'
import type { FetchConsistency } from '../../../sdk/src/audit/log-walk.ts'
import { ClientError, codeOf } from '../../../sdk/src/errors.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import type { LedgerReader } from '../../../sdk/src/ports.ts'
import { readWitnesses, verifyWitnessed, witnessMajority, type KnownWitness } from '../../../sdk/src/witnesses.ts'

/** One hospital's line under the newest cosigned checkpoint. */
export interface WitnessLine {
  readonly hospital: string
  readonly mspId: string
  readonly timeMs: number
}

/** What was checked of the witnesses. */
export interface WitnessState {
  readonly checkpoint: Checkpoint
  readonly lines: readonly WitnessLine[]
  /** Organisations that cosigned, that have a hospital, and more than half of them. */
  readonly organizations: number
  readonly all: number
  readonly majority: number
  /** Pairs that this hospital keeps: two roots of one size, both signed by the server. Each is a proof. */
  readonly forks: number
  /** What this hospital refused as another history besides, without a proof that everybody can check. */
  readonly refused: number
}

export interface WitnessParts {
  readonly crypto: Crypto
  readonly ledger: LedgerReader
  readonly serverRef: ServerRef
  readonly organizations: readonly MspId[]
  /** Text of the newest cosigned checkpoint; `undefined`: there is none. Not believed. */
  readonly fetchCosigned: () => Promise<string | undefined>
  /** What the hospital's witness remembers, as JSON. Not believed. */
  readonly fetchRemembered: () => Promise<string>
}

const rememberedShape = struct({
  size: uint(),
  checkpoint: text({ max: 65_536 }),
  conflicts: list(
    struct({
      timeMs: uint(),
      code: text({ max: 64 }),
      seen: text({ max: 65_536 }),
      offered: text({ max: 65_536 }),
    }),
    { max: 64 },
  ),
})

/** @throws {ClientError} `WITNESS_TOO_FEW` if nothing was cosigned yet. @throws {LogError} */
export async function readWitnessState(parts: WitnessParts): Promise<WitnessState> {
  const { crypto, ledger, serverRef } = parts
  const { value: server } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
  const serverKeys = serverNoteKeys(crypto, server)
  const witnesses: KnownWitness[] = []
  for (const mspId of parts.organizations) {
    try {
      witnesses.push(...(await readWitnesses(crypto, ledger, [mspId])))
    } catch (error) {
      // One that has registered nobody has no hospital.
      if (codeOf(error) !== 'ORGANIZATION_UNKNOWN') throw error
    }
  }
  const note = await parts.fetchCosigned()
  if (note === undefined) throw new ClientError('WITNESS_TOO_FEW')
  const { cosigned, cosignatures } = verifyWitnessed({
    crypto,
    serverRef,
    serverKeys,
    witnesses,
    quorum: 1,
    checkpoint: note,
    cosigned: note,
    proof: [],
  })
  const mspOf = new Map(witnesses.map(({ name, mspId }) => [name, mspId]))
  const lines = cosignatures.map(({ witness, timeMs }) => ({
    hospital: witness.name,
    mspId: mspOf.get(witness.name) ?? '',
    timeMs,
  }))
  const { conflicts } = rememberedShape(parseJson(await parts.fetchRemembered(), { maxBytes: 4 * 2 ** 20 }), 'witness')
  const origin = logOriginOf(serverRef)
  const forks = conflicts.filter((one) => isFork(crypto, origin, serverKeys, one)).length
  return {
    checkpoint: cosigned,
    lines,
    organizations: new Set(lines.map(({ mspId }) => mspId)).size,
    all: new Set(witnesses.map(({ mspId }) => mspId)).size,
    majority: witnessMajority(witnesses),
    forks,
    refused: conflicts.length - forks,
  }
}

/** Two roots of one size, both signed by the log: a proof for anybody. What the log did not sign proves nothing. */
export function isFork(
  crypto: Crypto,
  origin: string,
  keys: readonly NoteKey[],
  { seen, offered }: { readonly seen: string; readonly offered: string },
): boolean {
  try {
    const one = openCheckpoint(crypto, seen, origin, keys).checkpoint
    const other = openCheckpoint(crypto, offered, origin, keys).checkpoint
    return one.size === other.size && !equalBytes(one.root, other.root)
  } catch {
    return false
  }
}

/**
 * The log that the hospitals saw is the one that the ledger has.
 * @throws {ClientError} `CHECKPOINT_FORKED`; `WITNESS_TOO_FEW` below more than half of the organisations.
 * @throws {LogError} `LOG_NOT_CONSISTENT`, `LOG_PROOF_INVALID`
 */
export async function checkWitnesses(
  crypto: Crypto,
  { checkpoint: seen, organizations, majority, forks }: WitnessState,
  anchored: Checkpoint | undefined,
  fetchConsistency: FetchConsistency,
): Promise<void> {
  if (forks > 0) throw new ClientError('CHECKPOINT_FORKED')
  if (anchored !== undefined && anchored.size > 0 && seen.size > 0) {
    const [older, newer] = anchored.size < seen.size ? [anchored, seen] : [seen, anchored]
    if (older.size === newer.size && !equalBytes(older.root, newer.root)) throw new ClientError('CHECKPOINT_FORKED')
    const proof = older.size === newer.size ? [] : await fetchConsistency(older.size, newer.size)
    verifyConsistency(crypto, older.size, newer.size, older.root, newer.root, proof)
  }
  if (organizations < majority) throw new ClientError('WITNESS_TOO_FEW')
}

/** Code of a refusal in JSON. */
export function refusalCode(answer: string): ClientError {
  try {
    const code = (parseJson(answer, { maxBytes: 65_536 }) as { readonly code?: unknown } | null)?.code
    return new ClientError(isErrorCode(code) ? code : 'SERVER_UNAVAILABLE')
  } catch {
    return new ClientError('SERVER_UNAVAILABLE')
  }
}
