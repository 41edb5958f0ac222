/**
 * Lists of doctors between hospitals: its own, signed for whoever asks, and those of other hospitals, passed on as they
 * came. Nothing of them is believed here: the reader checks signature and references against the ledger.
 * Spec: docs/protocol/02-registration.md §2.11.
 *
 * @module
 */
import { decodeUtf8, encodeBase64url, type Crypto } from '../../shared/crypto/src/index.ts'
import {
  directorySigningInput,
  encodeDirectory,
  MAX_SIGNED_DIRECTORY_BYTES,
  parseJson,
  ProtocolError,
  signedDirectoryShape,
  type Directory,
  type HospitalRef,
  type SignedDirectory,
} from '../../shared/protocol/src/index.ts'
import type { HospitalIdentity } from './registrations.ts'

/** A hospital that is away is waited for this long; patients wait with it. */
const ANSWER_MS = 3_000
/** What was fetched is passed on this long, and that nothing came. */
const KEPT_MS = 60_000
const FAILED_MS = 5_000

export interface DirectorySource {
  readonly ref: HospitalRef
  readonly name: string
  /** Address of the hospital's service. */
  readonly url: string
}

/** Why there is no list. */
type DirectoryProblem = 'DIRECTORY_UNAVAILABLE' | 'DIRECTORY_TOO_LARGE' | 'DIRECTORY_REJECTED'

/** One hospital's list as it came, or why there is none. */
export type RelayedDirectory = { readonly ref: HospitalRef; readonly name: string } & (
  SignedDirectory | { readonly problem: DirectoryProblem }
)

/** @returns the body of an answer with status 200. @throws {ProtocolError} `DIRECTORY_REJECTED` if it is longer than `maxBytes`, `DIRECTORY_TOO_LARGE` if that hospital says so. */
export type BoundedGet = (url: string, maxBytes: number, withinMs: number) => Promise<Uint8Array>

export interface DirectoriesParts {
  /** Asked each time: hospitals join while this one runs. */
  readonly sources: () => readonly DirectorySource[]
  readonly get: BoundedGet
  readonly nowMs: () => number
}

export class Directories {
  readonly #parts: DirectoriesParts
  readonly #kept = new Map<HospitalRef, { readonly untilMs: number; readonly found: RelayedDirectory }>()
  readonly #asking = new Map<HospitalRef, Promise<RelayedDirectory>>()

  constructor(parts: DirectoriesParts) {
    this.#parts = parts
  }

  /** Never throws for a hospital that does not answer: the others' lists are there all the same. */
  async all(): Promise<readonly RelayedDirectory[]> {
    return await Promise.all(this.#parts.sources().map((source) => this.#of(source)))
  }

  async #of(source: DirectorySource): Promise<RelayedDirectory> {
    const { ref } = source
    const kept = this.#kept.get(ref)
    if (kept !== undefined && this.#parts.nowMs() < kept.untilMs) return kept.found
    // However many patients ask at once, the other hospital is asked once.
    const asking = this.#asking.get(ref) ?? this.#ask(source).finally(() => this.#asking.delete(ref))
    this.#asking.set(ref, asking)
    return await asking
  }

  async #ask({ ref, name, url }: DirectorySource): Promise<RelayedDirectory> {
    let found: RelayedDirectory
    let forMs = KEPT_MS
    try {
      const bytes = await this.#parts.get(`${url}/v1/directory`, MAX_SIGNED_DIRECTORY_BYTES, ANSWER_MS)
      found = { ref, name, ...signedOf(bytes) }
    } catch (error) {
      found = { ref, name, problem: problemOf(error) }
      forMs = FAILED_MS
    }
    this.#kept.set(ref, { untilMs: this.#parts.nowMs() + forMs, found })
    return found
  }
}

function problemOf(error: unknown): DirectoryProblem {
  const code = error instanceof ProtocolError ? error.code : undefined
  return code === 'DIRECTORY_REJECTED' || code === 'DIRECTORY_TOO_LARGE' ? code : 'DIRECTORY_UNAVAILABLE'
}

/** The hospital's own list, signed by its service. @throws {ProtocolError} `DIRECTORY_TOO_LARGE` */
export function signDirectory(
  crypto: Crypto,
  { ref, signingKey }: Pick<HospitalIdentity, 'ref' | 'signingKey'>,
  practitioners: Directory['practitioners'],
): SignedDirectory {
  const list = encodeDirectory({ v: 1, hospital: ref, practitioners })
  return {
    list: encodeBase64url(list),
    signature: encodeBase64url(crypto.sign(signingKey, directorySigningInput(list))),
  }
}

/** With the platform's `fetch`: follows no redirection and reads no more than it may. */
export const fetchBounded: BoundedGet = async (url, maxBytes, withinMs) => {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(withinMs) })
  // Waiting does not help: it has too many doctors.
  if (response.status === 413) throw new ProtocolError('DIRECTORY_TOO_LARGE', 'the hospital has too many doctors')
  if (response.status !== 200 || response.body === null) throw unavailable()
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop hangs up.
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new ProtocolError('DIRECTORY_REJECTED', 'the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function signedOf(bytes: Uint8Array): SignedDirectory {
  try {
    const value = parseJson(decodeUtf8(bytes), { maxBytes: MAX_SIGNED_DIRECTORY_BYTES })
    return signedDirectoryShape(value, 'directory')
  } catch (cause) {
    throw new ProtocolError('DIRECTORY_REJECTED', 'the answer is no directory', { cause })
  }
}

function unavailable(): ProtocolError {
  return new ProtocolError('DIRECTORY_UNAVAILABLE', 'the hospital does not publish its directory')
}
