/**
 * What hospitals cosigned of a record server's log, and a receipt completed with it: a checkpoint that enough hospitals
 * cosigned contains the log that the receipt is of. Whoever holds both knows that these hospitals were shown the
 * same log. Works offline once it is fetched. Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 * @module
 */
import { decodeBase64url, equalBytes, type Crypto } from '../../../shared/crypto/src/index.ts'
import { organizationPolicyShape } from '../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import {
  logOrigin,
  openCheckpoint,
  verifyConsistency,
  verifyCosignature,
  type Checkpoint,
  type Cosignature,
  type NoteKey,
} from '../../../shared/tlog/src/index.ts'
import { ClientError } from './errors.ts'
import { readLedger } from './ledger-reader.ts'
import type { LedgerReader } from './ports.ts'

/** A hospital that may cosign, and whose it is: an organisation counts once, however many hospitals it registers. */
export interface KnownWitness extends NoteKey {
  readonly mspId: MspId
}

/** Hospitals that may cosign, by the ledger. */
export async function readWitnesses(
  crypto: Crypto,
  ledger: LedgerReader,
  organizations: readonly MspId[],
): Promise<readonly KnownWitness[]> {
  const found: KnownWitness[] = []
  for (const mspId of organizations) {
    const { value } = await readLedger(ledger, 'organizationPolicy', [mspId], organizationPolicyShape)
    for (const { ref, kind, status, publicKey } of value.participants) {
      if (kind !== 'hospital' || status !== 'active') continue
      found.push({ mspId, name: ref, key: crypto.importVerifyingKey(decodeBase64url(publicKey)) })
    }
  }
  return found
}

/** More than half of the organisations that have a hospital. */
export function witnessMajority(witnesses: readonly KnownWitness[]): number {
  return Math.floor(new Set(witnesses.map(({ mspId }) => mspId)).size / 2) + 1
}

export interface WitnessedInput {
  readonly crypto: Crypto
  readonly serverRef: string
  /** Keys of the server that the ledger has, and had: `serverNoteKeys`. */
  readonly serverKeys: readonly NoteKey[]
  readonly witnesses: readonly KnownWitness[]
  /** Organisations of which a hospital must have cosigned, from 1 up. */
  readonly quorum: number
  /** Of the receipt or read answer: a signed checkpoint. */
  readonly checkpoint: string
  /** A signed checkpoint of the same log with cosignatures. */
  readonly cosigned: string
  /** Consistency proof from the smaller of the two to the larger one; empty if they are equal. */
  readonly proof: readonly Uint8Array[]
}

export interface Witnessed {
  readonly own: Checkpoint
  readonly cosigned: Checkpoint
  readonly cosignatures: readonly Cosignature[]
}

/**
 * Checks that the hospitals' log contains the one of `checkpoint`.
 * @throws {ClientError} `WITNESS_TOO_FEW` if what was cosigned does not reach as far, or too few hospitals cosigned it;
 * `CHECKPOINT_FORKED`: same size, other root. @throws {LogError} `LOG_NOT_CONSISTENT`, `LOG_PROOF_INVALID` and those of
 * signatures.
 */
export function verifyWitnessed(input: WitnessedInput): Witnessed {
  const { crypto, witnesses, quorum, proof } = input
  const { serverRef, serverKeys } = input
  const origin = logOrigin(serverRef)
  const own = openCheckpoint(crypto, input.checkpoint, origin, serverKeys).checkpoint
  const opened = openCheckpoint(crypto, input.cosigned, origin, serverKeys)
  const cosigned = opened.checkpoint
  if (!Number.isSafeInteger(quorum) || quorum < 1) throw new RangeError('quorum must be an integer from 1 up')
  const cosignatures = witnesses.flatMap((witness) => verifyCosignature(crypto, opened.note, witness) ?? [])
  const names = new Set(cosignatures.map(({ witness }) => witness.name))
  const organizations = new Set(witnesses.filter(({ name }) => names.has(name)).map(({ mspId }) => mspId))
  if (organizations.size < quorum) throw new ClientError('WITNESS_TOO_FEW')
  if (cosigned.size < own.size) throw new ClientError('WITNESS_TOO_FEW')
  if (cosigned.size === own.size && !equalBytes(cosigned.root, own.root)) throw new ClientError('CHECKPOINT_FORKED')
  verifyConsistency(crypto, own.size, cosigned.size, own.root, cosigned.root, proof)
  return { own, cosigned, cosignatures }
}
