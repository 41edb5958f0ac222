/**
 * Receipts for stored records. Whatever a receipt says stands in the record's row, so a repeated upload gets the same.
 * Spec: docs/protocol/04-records.md §4.5.
 *
 * @module
 */
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import {
  commitmentToJson,
  issueReceipt,
  type CborValue,
  type Sha256Hex,
} from '../../../../shared/protocol/src/index.ts'
import type { PlacedProof } from '../audit/checkpoints.ts'
import type { Vault } from '../vault.ts'
import { commitmentOf, type RecordRow } from './record-rows.ts'

/** The members of a log proof in an answer. */
export function proofMembers(proof: PlacedProof): { readonly [name: string]: CborValue } {
  return { ...proof }
}

/** A record's receipt with the proof for it. Call it when the round that stored the record is durable. */
export function receiptOf(
  vault: Vault,
  row: RecordRow,
): { readonly receipt: string; readonly log: { readonly [name: string]: CborValue } } {
  const { place, logIndex, logSize, storedMs } = row
  if (place === null || logIndex === null || logSize === null || storedMs === null) {
    throw new TypeError('a stored record has a place')
  }
  const checkpoint = vault.checkpoints.at(logSize)
  const receipt = issueReceipt(vault.crypto, vault.identity, {
    iss: vault.configuration.serverRef,
    ...commitmentToJson(commitmentOf(row)),
    ...place,
    logIndex,
    logSize,
    logRoot: encodeHex(checkpoint.root) as Sha256Hex,
    iat: Math.floor(storedMs / 1000),
  })
  return { receipt, log: proofMembers(vault.checkpoints.proofOf(logIndex, checkpoint)) }
}

/** The commitment of a row, as members of an answer (§4.6). */
export function commitmentMembers(row: RecordRow): { readonly [name: string]: CborValue } {
  const { place } = row
  if (place === null) throw new TypeError('a stored record has a place')
  return { ...commitmentOf(row), ...place }
}
