/**
 * Domain separation: every hash, MAC and signature input of `trusthealth/1` starts with its own label,
 * `"trusthealth/1/<what>\0"`. Spec: docs/protocol/01-conventions.md §4.
 *
 * @module
 */
import { encodeUtf8 } from './bytes.ts'

/** The label's bytes. `what` is a constant of lower-case words and hyphens, listed in the spec. */
export function label(what: string): Uint8Array {
  return encodeUtf8(`trusthealth/1/${what}\0`)
}
