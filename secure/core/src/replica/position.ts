/**
 * The number of a commit, as the store keeps it: 8 bytes, big-endian.
 *
 * @module
 */
import type { SqlValue } from '../ports.ts'

export const POSITION = 'position'

/** 0 while nobody has followed. */
export function positionOf(value: SqlValue | undefined): number {
  return value instanceof Uint8Array ? Number(new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0)) : 0
}

export function encodePosition(position: number): Uint8Array {
  const encoded = new Uint8Array(8)
  new DataView(encoded.buffer).setBigUint64(0, BigInt(position))
  return encoded
}
