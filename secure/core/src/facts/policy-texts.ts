/**
 * Patients' policies as the ledger wrote them. A policy seldom changes, and each request asks for it anew: what has the
 * very text of the last time is not parsed again. Only whether text is parsed is decided here, never whether it is
 * believed: the text comes from an answer that a quorum has just signed.
 *
 * @module
 */
import { decodeUtf8, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import {
  LedgerError,
  parseResult,
  patientPolicyShape,
  type PatientPolicy,
} from '../../../../shared/ledger-model/src/index.ts'

interface Known {
  readonly text: string
  readonly policy: PatientPolicy
}

export class PolicyTexts {
  readonly #known = new Map<string, Known>()
  readonly #maxUnits: number
  #units = 0

  /** @param maxUnits UTF-16 units of text that are kept; the parsed policies take a small multiple. */
  constructor(maxUnits: number) {
    this.#maxUnits = maxUnits
  }

  /**
   * The policies in the result of `patientPolicy`, in the order of the patients asked for.
   * @throws {LedgerError} `ENDORSEMENT_MALFORMED`: not a list of policies, one is missing, one is of another patient.
   */
  read(result: string, refs: readonly string[]): PatientPolicy[] {
    if (!result.startsWith('[')) throw malformed()
    const policies: PatientPolicy[] = []
    let at = 1
    for (const [i, ref] of refs.entries()) {
      const known = this.#known.get(ref)
      if (known !== undefined && result.startsWith(known.text, at)) {
        policies.push(known.policy)
        at += known.text.length
      } else {
        const end = endOfObject(result, at)
        policies.push(this.#learn(ref, result.slice(at, end)))
        at = end
      }
      if (result[at] !== (i === refs.length - 1 ? ']' : ',')) throw malformed()
      at++
    }
    if (at !== result.length) throw malformed()
    return policies
  }

  #learn(ref: string, slice: string): PatientPolicy {
    // A copy: a slice would keep the whole answer alive.
    const text = decodeUtf8(encodeUtf8(slice))
    const policy = parseResult(text, patientPolicyShape)
    if (policy.patientRef !== ref) throw new LedgerError('ENDORSEMENT_MALFORMED', 'another patient')
    this.#units += text.length - (this.#known.get(ref)?.text.length ?? 0)
    this.#known.delete(ref)
    this.#known.set(ref, { text, policy })
    for (const [oldest, { text: old }] of this.#known) {
      if (this.#units <= this.#maxUnits) break
      this.#units -= old.length
      this.#known.delete(oldest)
    }
    return policy
  }
}

/** Index after the object that starts at `start`. What is inside is for the parser to judge. */
function endOfObject(text: string, start: number): number {
  if (text[start] !== '{') throw malformed()
  let depth = 0
  let isText = false
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (isText) {
      if (unit === BACKSLASH) at++
      else if (unit === QUOTE) isText = false
    } else if (unit === QUOTE) isText = true
    else if (unit === OPEN) depth++
    else if (unit === CLOSE && --depth === 0) return at + 1
  }
  throw malformed()
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d

function malformed(): LedgerError {
  return new LedgerError('ENDORSEMENT_MALFORMED', 'not the policies of these patients')
}
