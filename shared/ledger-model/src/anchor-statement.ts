/**
 * Anchor statements: a TEE server's word that a checkpoint is its newest under an epoch. The server signs it with its
 * registered key, so that whoever submits it needs no trust and the trusted application needs no form of transactions.
 * Spec: docs/protocol/07-ledger.md §7.12.
 *
 * @module
 */
import {
  concat,
  type Crypto,
  decodeBase64url,
  encodeBase64url,
  label,
  type SigningKey,
  type VerifyingKey,
} from '../../crypto/src/index.ts'
import { b64u, encodeCbor, type ServerRef } from '../../protocol/src/index.ts'
import type { EndorsedQuery } from './query.ts'

const ANCHOR = label('anchor')

export interface AnchorStatement {
  readonly serverRef: ServerRef
  /** 1 for the first one, then one more each time. */
  readonly epoch: number
  /** The signed checkpoint note. */
  readonly checkpoint: string
}

/** The signature as an argument: b64u of 64 bytes. */
export const anchorSignatureShape = b64u(64)

/** @param key the server's identity key. @returns 64 bytes, r ‖ s. */
export function signAnchorStatement(crypto: Crypto, key: SigningKey, statement: AnchorStatement): Uint8Array {
  return crypto.sign(key, signingInput(statement))
}

/** @param signature as `anchorSignatureShape` checked it. */
export function isAnchorStatementSignedBy(
  crypto: Crypto,
  key: VerifyingKey,
  statement: AnchorStatement,
  signature: string,
): boolean {
  return crypto.verify(key, signingInput(statement), decodeBase64url(signature))
}

/** The call of `anchorCheckpoint` that carries a statement; anybody's ledger identity will do. */
export function anchorCallOf(statement: AnchorStatement, signature: Uint8Array): EndorsedQuery {
  const { serverRef, checkpoint, epoch } = statement
  return { fn: 'anchorCheckpoint', args: [serverRef, checkpoint, String(epoch), encodeBase64url(signature)] }
}

function signingInput({ serverRef, epoch, checkpoint }: AnchorStatement): Uint8Array {
  return concat(ANCHOR, encodeCbor({ serverRef, epoch, checkpoint }))
}
