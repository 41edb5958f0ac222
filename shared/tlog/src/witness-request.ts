/**
 * What is sent to a witness: the size it knows, a consistency proof, a signed checkpoint. The body of `add-checkpoint`
 * of https://c2sp.org/tlog-witness, byte for byte; what is different is the signature that comes back (§6.5).
 * Spec: docs/protocol/06-log-and-checkpoints.md §6.11.
 *
 *   old <size>
 *   <base64 of 32 bytes>      0 to 54 lines
 *                             (an empty line)
 *   <signed note>
 *
 * @module
 */
import { SHA256_BYTES } from '../../crypto/src/index.ts'
import { encodeBase64, findBase64 } from './base64.ts'
import { MAX_NOTE_BYTES, malformed } from './note.ts'
import { MAX_PROOF_HASHES } from './verify.ts'

export interface WitnessRequest {
  /** Size of the newest checkpoint that the witness cosigned of this log; 0: none. */
  readonly oldSize: number
  /** 32 bytes each; empty when `oldSize` is 0 or the checkpoint's own size. */
  readonly proof: readonly Uint8Array[]
  /** Signed note. */
  readonly checkpoint: string
}

/** Bytes of the longest body: a line for each hash, and the note. */
export const MAX_WITNESS_REQUEST_BYTES = 32 + MAX_PROOF_HASHES * 45 + MAX_NOTE_BYTES

export function formatWitnessRequest({ oldSize, proof, checkpoint }: WitnessRequest): string {
  return `old ${oldSize}\n${proof.map((hash) => `${encodeBase64(hash)}\n`).join('')}\n${checkpoint}`
}

/** @throws {LogError} `LOG_CHECKPOINT_MALFORMED`; the note itself is not looked at. */
export function parseWitnessRequest(body: string): WitnessRequest {
  if (body.length > MAX_WITNESS_REQUEST_BYTES) throw malformed('size')
  const at = body.indexOf('\n\n')
  if (at < 0) throw malformed('no checkpoint')
  const [first = '', ...lines] = body.slice(0, at).split('\n')
  const [, sizeText = ''] = /^old (0|[1-9][0-9]{0,15})$/.exec(first) ?? []
  const oldSize = sizeText === '' ? Number.NaN : Number(sizeText)
  if (!Number.isSafeInteger(oldSize)) throw malformed('old size')
  if (lines.length > MAX_PROOF_HASHES) throw malformed('proof')
  const proof = lines.map((line) => {
    const hash = findBase64(line)
    if (hash?.length !== SHA256_BYTES) throw malformed('proof')
    return hash
  })
  return { oldSize, proof, checkpoint: body.slice(at + 2) }
}
