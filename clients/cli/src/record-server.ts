/**
 * What the record server tells anybody: evidence, status, checkpoint, proofs. Nothing of it is believed by itself.
 *
 * @module
 */
import { decodeBase64url, encodeBase64url } from '../../../shared/crypto/src/index.ts'
import { isErrorCode, list, parseJson, struct, text, uint, type Shape } from '../../../shared/protocol/src/index.ts'
import { ClientError } from '../../sdk/src/errors.ts'
import { timeoutOf } from './connection.ts'
import type { Context } from './context.ts'

const MAX_ANSWER_BYTES = 2 ** 22

export interface RecordServerStatus {
  readonly state: string
  readonly failure?: string
  readonly tee: string
  readonly restarts: number
  readonly measurement?: string
  /** b64u. */
  readonly identityKey?: string
  readonly configDigest?: string
  readonly sequence?: number
  readonly isolation: readonly string[]
  readonly log?: { readonly size: number; readonly epoch: number; readonly anchoredSize?: number }
  readonly sessions?: number
  readonly waiting?: number
  readonly records?: number
  readonly patients?: number
  readonly ledger?: { readonly followedBlock?: number }
  /** Which sealing key the store has. */
  readonly sealing?: { readonly generation: number; readonly isExchanging: boolean }
  readonly shares?: {
    readonly number: number
    readonly timeMs: number
    readonly threshold: number
    readonly holders: readonly string[]
    readonly held: readonly string[]
  }
}

/** A record server on new hardware. */
export interface RestoringDevice {
  readonly state: string
  /** Hex. */
  readonly instance?: string
  /** b64u. */
  readonly attestationKey?: string
  readonly progress?: {
    readonly number?: number
    readonly threshold?: number
    readonly given: readonly string[]
    readonly wrong: readonly string[]
    readonly isComplete: boolean
  }
  readonly trouble?: string
}

/** For people who look; not checked. Undefined: it restores nothing. @throws {ClientError} */
export async function fetchRestoring(
  context: Pick<Context, 'flags'>,
  url: string,
): Promise<RestoringDevice | undefined> {
  try {
    return JSON.parse(await call(context, 'GET', `${url}/v1/restore`)) as RestoringDevice
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'HTTP_NOT_FOUND') return undefined
    throw error
  }
}

/** Evidence, compact JWS, for a nonce of 32 bytes. @throws {ClientError} */
export async function fetchEvidence(context: Pick<Context, 'flags'>, url: string, nonce: Uint8Array): Promise<string> {
  const body = JSON.stringify({ nonce: encodeBase64url(nonce) })
  const answer = await call(context, 'POST', `${url}/v1/attest`, body)
  return json(answer, struct({ evidence: text({ max: 16_384 }) })).evidence
}

export async function fetchCheckpoint(context: Pick<Context, 'flags'>, url: string): Promise<string> {
  return await call(context, 'GET', `${url}/v1/checkpoint`)
}

/** The newest checkpoint that at least so many hospitals cosigned. @throws {ClientError} `WITNESS_TOO_FEW` */
export async function fetchCosigned(context: Pick<Context, 'flags'>, url: string, least: number): Promise<string> {
  return await call(context, 'GET', `${url}/v1/checkpoint/cosigned?least=${least}`)
}

/** What a hospital's witness remembers of a record server's log; not checked. */
export async function fetchWitness(
  context: Pick<Context, 'flags'>,
  hospitalUrl: string,
  serverRef: string,
): Promise<{
  readonly size: number
  readonly conflicts: readonly { readonly code: string; readonly timeMs: number }[]
}> {
  return json(await call(context, 'GET', `${hospitalUrl}/v1/witness/${serverRef}`), witnessShape)
}

const note = text({ max: 65_536 })
const witnessShape = struct({
  size: uint(),
  checkpoint: note,
  conflicts: list(struct({ timeMs: uint(), code: text({ max: 64 }), seen: note, offered: note }), { max: 64 }),
})

/** Hashes of a consistency proof. */
export async function fetchConsistencyProof(
  context: Pick<Context, 'flags'>,
  url: string,
  from: number,
  to: number,
): Promise<readonly Uint8Array[]> {
  if (from === to) return []
  const answer = await call(context, 'GET', `${url}/v1/proof?from=${from}&to=${to}`)
  return json(answer, struct({ proof: list(text({ max: 43 }), { max: 64 }) })).proof.map(decodeBase64url)
}

/** For people who look; not checked. */
export async function fetchServerStatus(context: Pick<Context, 'flags'>, url: string): Promise<RecordServerStatus> {
  return JSON.parse(await call(context, 'GET', `${url}/v1/status`)) as RecordServerStatus
}

/** Hands a configuration update over. @throws {ClientError} `LEDGER_CONFIGURATION_REJECTED`, `LEDGER_UNAVAILABLE`, … */
export async function sendConfigurationUpdate(
  context: Pick<Context, 'flags'>,
  url: string,
  update: Uint8Array,
): Promise<void> {
  await call(context, 'POST', `${url}/v1/configurations`, new Uint8Array(update))
}

async function call(
  context: Pick<Context, 'flags'>,
  method: 'GET' | 'POST',
  url: string,
  body?: string | Uint8Array<ArrayBuffer>,
): Promise<string> {
  let answer: { status: number; text: string }
  try {
    const type = typeof body === 'string' ? 'application/json' : 'application/octet-stream'
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': type }
    const signal = AbortSignal.timeout(timeoutOf(context))
    const response = await fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) })
    answer = { status: response.status, text: await response.text() }
  } catch (cause) {
    throw new ClientError('SERVER_UNAVAILABLE', { cause })
  }
  if (answer.status === 200) return answer.text
  throw new ClientError(codeIn(answer.text))
}

function codeIn(answer: string) {
  try {
    const code = (parseJson(answer, { maxBytes: MAX_ANSWER_BYTES }) as { code?: unknown } | null)?.code
    return isErrorCode(code) ? code : 'SERVER_UNAVAILABLE'
  } catch {
    return 'SERVER_UNAVAILABLE'
  }
}

function json<T>(answer: string, shape: Shape<T>): T {
  return shape(parseJson(answer, { maxBytes: MAX_ANSWER_BYTES }), 'answer of the record server')
}
