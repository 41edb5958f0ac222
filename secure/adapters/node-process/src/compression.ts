/**
 * The compression port with DEFLATE (RFC 1951) at its quickest and with little memory: 2 kB of FHIR become 0.9 kB in
 * some 30 µs. Greater effort or a larger window gains a few bytes, and loses more time by fresh memory than by work.
 *
 * @module
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { CompressionPort } from '../../../core/src/ports.ts'

const OPTIONS = { level: 1, memLevel: 4, windowBits: 12, chunkSize: 2_048 }

export function createProcessCompression(): CompressionPort {
  return {
    pack: (bytes) => plain(deflateRawSync(bytes, OPTIONS)),
    unpack: (packed, maxBytes) => plain(inflateRawSync(packed, { chunkSize: 4_096, maxOutputLength: maxBytes })),
  }
}

/** The core knows no Buffer. */
function plain({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
