/**
 * Messages of the door and their checks, for both sides. Host → trusted application: requests. Trusted application →
 * host: answers and effects. Spec: docs/protocol/10-tee-abi.md §10.2, §10.3.
 *
 * @module
 */
import { decodeCbor, encodeCbor, encodeCborParts, type CborValue } from '../../protocol/src/cbor.ts'
import type { ErrorCode } from '../../protocol/src/error-table.ts'
import { ProtocolError } from '../../protocol/src/errors.ts'
import { literal, struct, uint, type Shape } from '../../protocol/src/shape.ts'
import { effectShape, type Effect } from './effects.ts'
import { AbiError } from './errors.ts'
import { ABI_OPS, errorCodeShape, isAbiOp, RULES, type AbiAnswer, type AbiOpName, type AbiRequest } from './ops.ts'

export type HostRequestOf<O extends AbiOpName> = { readonly id: number; readonly op: O } & AbiRequest<O>
export type HostRequest = { [O in AbiOpName]: HostRequestOf<O> }[AbiOpName]

/** An answer whose `id` is checked and whose other members are not: they depend on the request. */
export type TaMessage =
  | { readonly kind: 'answer'; readonly id: number; readonly body: CborValue }
  | { readonly kind: 'effect'; readonly effect: Effect }

/** What a request came to. */
export type Outcome<O extends AbiOpName> =
  { readonly ok: true; readonly answer: AbiAnswer<O> } | { readonly ok: false; readonly code: ErrorCode }

type AnyShape = Shape<Readonly<Record<string, unknown>>>
const REQUESTS = new Map<AbiOpName, AnyShape>()
const ANSWERS = new Map<AbiOpName, AnyShape>()
for (const op of Object.keys(ABI_OPS) as AbiOpName[]) {
  REQUESTS.set(op, struct({ id: uint(), op: literal(op), ...ABI_OPS[op].request }))
  ANSWERS.set(op, struct({ id: uint(), ok: literal(true), ...ABI_OPS[op].answer }))
}
/** From here on a copy costs more than memory that stays as long as the byte string in it. */
const VIEWS_FROM_BYTES = 64 * 1024
const refusedShape = struct({ id: uint(), ok: literal(false), code: errorCodeShape })
const idShape = uint()

/** @param request checked on the other side, not here. */
export function encodeRequest<O extends AbiOpName>(request: HostRequestOf<O>): Uint8Array {
  return encodeCbor(request)
}

/** The same in parts, for writers that gather. Long byte strings are the request's own, not to be changed meanwhile. */
export function encodeRequestParts<O extends AbiOpName>(request: HostRequestOf<O>): readonly Uint8Array[] {
  return encodeCborParts(request, VIEWS_FROM_BYTES)
}

/**
 * A request as the trusted application takes it. Long byte strings are views on the message, which is the caller's own
 * and not written to again (10.1).
 * @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`, `TEE_UNKNOWN_COMMAND`
 */
export function decodeRequest(message: Uint8Array): HostRequest {
  const value = decodeCbor(message, { viewsFrom: VIEWS_FROM_BYTES })
  const op = memberOf(value, 'op')
  const shape = isAbiOp(op) ? REQUESTS.get(op) : undefined
  if (shape === undefined) throw new ProtocolError('TEE_UNKNOWN_COMMAND', 'there is no such operation')
  const request = shape(value, 'request') as unknown as HostRequest
  const rule = RULES[request.op] as ((request: HostRequest) => boolean) | undefined
  if (rule !== undefined && !rule(request)) {
    throw new ProtocolError('MESSAGE_MALFORMED', 'request has members that exclude each other')
  }
  return request
}

/** The answer to an operation that was done. */
export function encodeAnswer<O extends AbiOpName>(_op: O, id: number, answer: AbiAnswer<O>): Uint8Array {
  return encodeCbor({ id, ok: true, ...(answer as unknown as Readonly<Record<string, CborValue>>) })
}

/** The answer to an operation that was refused or failed. */
export function encodeRefusal(id: number, code: ErrorCode): Uint8Array {
  return encodeCbor({ id, ok: false, code })
}

export function encodeEffect(effect: Effect): Uint8Array {
  return encodeCbor(effect)
}

/**
 * What the driver reads from the trusted application.
 * @throws {AbiError} `TEE_MESSAGE_INVALID`
 */
export function decodeTaMessage(message: Uint8Array): TaMessage {
  return checked(() => {
    const body = decodeCbor(message)
    if (memberOf(body, 'fx') !== undefined) return { kind: 'effect', effect: effectShape(body, 'effect') }
    return { kind: 'answer', id: idShape(memberOf(body, 'id'), 'answer.id'), body }
  })
}

/**
 * The outcome of operation `op`, from the body of its answer.
 * @throws {AbiError} `TEE_MESSAGE_INVALID`
 */
export function decodeOutcome<O extends AbiOpName>(op: O, body: CborValue): Outcome<O> {
  return checked(() => {
    if (memberOf(body, 'ok') === false) return { ok: false, code: refusedShape(body, 'answer').code }
    const { id: _id, ok: _ok, ...answer } = (ANSWERS.get(op) as AnyShape)(body, 'answer')
    return { ok: true, answer: answer as AbiAnswer<O> }
  })
}

function checked<T>(decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (cause instanceof ProtocolError) {
      throw new AbiError('TEE_MESSAGE_INVALID', 'the trusted application sent a message of another form', { cause })
    }
    throw cause
  }
}

function memberOf(value: CborValue, name: string): CborValue | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, CborValue>>)[name]
}
