/**
 * Vectors of what goes to a witness and comes back: docs/protocol/06-log-and-checkpoints.md §6.5, §6.11.
 *
 * @module
 */
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import {
  addCosignature,
  consistencyProof,
  formatNote,
  formatWitnessRequest,
  leafHash,
  logOrigin,
  merkleRoot,
  parseNote,
  signCheckpoint,
} from '../../../shared/tlog/src/index.ts'
import { deterministicCrypto, NOW_SECONDS, party } from './vector-parties.ts'

export interface WitnessVectors {
  readonly about: string
  readonly origin: string
  readonly witness: string
  readonly valid: readonly {
    readonly name: string
    readonly oldSize: number
    readonly size: number
    /** Body of `add-checkpoint`. */
    readonly request: string
    readonly timeMs: number
    /** The checkpoint with the witness's line. */
    readonly cosigned: string
  }[]
  /** Bodies that are none. */
  readonly malformed: readonly { readonly name: string; readonly request: string }[]
  /** Notes whose line of the witness does not verify. */
  readonly refused: readonly { readonly name: string; readonly cosigned: string }[]
}

const OLD_SIZE = 5
const SIZE = 8
const LINE = /^(\u2014 h-.*)$/m

export function makeWitness(): WitnessVectors {
  const crypto = deterministicCrypto('witness.json')
  const server = party(crypto, 'server')
  const hospital = party(crypto, 'hospital')
  const origin = logOrigin(server.ref)
  const leaves = Array.from({ length: SIZE }, (_, i) => leafHash(crypto, encodeUtf8(`entry ${i}`)))
  const noteOf = (size: number) =>
    signCheckpoint(crypto, server.key, {
      origin,
      size,
      root: merkleRoot(crypto, leaves.slice(0, size)),
      extensions: [],
    })
  const node = (level: number, index: number) =>
    merkleRoot(crypto, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
  const timeMs = NOW_SECONDS * 1000
  const row = (name: string, oldSize: number, size: number, proof: readonly Uint8Array[]) => {
    const checkpoint = noteOf(size)
    const cosigned = formatNote(addCosignature(crypto, hospital.key, hospital.ref, parseNote(checkpoint), timeMs))
    return { name, oldSize, size, request: formatWitnessRequest({ oldSize, proof, checkpoint }), timeMs, cosigned }
  }
  const valid = [
    row('the first one', 0, OLD_SIZE, []),
    row('grown', OLD_SIZE, SIZE, consistencyProof(crypto, node, OLD_SIZE, SIZE)),
    row('as it was', SIZE, SIZE, []),
  ]
  const grown = valid[1] ?? valid[0]!
  const other = formatNote(addCosignature(crypto, hospital.key, hospital.ref, parseNote(noteOf(SIZE)), timeMs + 1))
  const line = LINE.exec(grown.cosigned)?.[1] ?? ''
  const lineOfFirst = LINE.exec(valid[0]!.cosigned)?.[1] ?? ''
  const shorter = line.slice(0, -4)
  return {
    about: 'Requests to a witness and its cosignatures: docs/protocol/06-log-and-checkpoints.md §6.5, §6.11',
    origin,
    witness: hospital.ref,
    valid: [...valid, { ...grown, name: 'a moment later', timeMs: timeMs + 1, cosigned: other }],
    malformed: [
      { name: 'no size', request: grown.request.replace('old 5\n', '') },
      { name: 'a size with a zero in front', request: grown.request.replace('old 5', 'old 05') },
      { name: 'a size above 2^53 - 1', request: grown.request.replace('old 5', 'old 9007199254740992') },
      { name: 'a hash cut short', request: grown.request.replace(/^.{44}$/m, 'AAAA') },
      { name: 'no empty line', request: grown.request.replace('\n\n', '\n').replace('\n\n', '\n') },
    ],
    refused: [
      { name: 'the line of another checkpoint', cosigned: grown.cosigned.replace(line, lineOfFirst) },
      { name: 'a line that was cut', cosigned: grown.cosigned.replace(line, shorter) },
    ],
  }
}
