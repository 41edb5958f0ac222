/**
 * Shapes: from a decoded value of unknown form to a type, or a refusal. Sizes are checked before contents, unknown
 * members refuse, and what comes out is a fresh value made only of checked parts.
 * Messages name the place in the shape, never a value or a name that came from outside.
 *
 * @module
 */
import { decodeBase64url, decodeHex } from '../../crypto/src/bytes.ts'
import { ProtocolError } from './errors.ts'

/**
 * Checks `value` and gives it its type. `where` names the place in error messages.
 * @throws {ProtocolError} `MESSAGE_MALFORMED`
 */
export type Shape<T> = (value: unknown, where: string) => T

/** A member that may be absent. Never `undefined`: absent or a value of the shape. */
export interface OptionalMember<T> {
  readonly optional: Shape<T>
}

export type Infer<S> = S extends Shape<infer T> ? T : S extends OptionalMember<infer T> ? T : never

type Members = Readonly<Record<string, Shape<unknown> | OptionalMember<unknown>>>
type OptionalKeys<M extends Members> = {
  [K in keyof M]: M[K] extends OptionalMember<unknown> ? K : never
}[keyof M]
type Flatten<T> = { [K in keyof T]: T[K] }
export type StructOf<M extends Members> = Flatten<
  { readonly [K in Exclude<keyof M, OptionalKeys<M>>]: Infer<M[K]> } & {
    readonly [K in OptionalKeys<M>]?: Infer<M[K]>
  }
>

/** Text of `min` (default 0) to `max` UTF-16 units that matches `pattern` (anchor it: `^…$`). */
export function text(limits: {
  readonly min?: number
  readonly max: number
  readonly pattern?: RegExp
}): Shape<string> {
  const { min = 0, max, pattern } = limits
  return (value, where) => {
    if (typeof value !== 'string') throw refused(where, 'is not text')
    if (value.length < min || value.length > max) throw refused(where, 'has a wrong length')
    if (pattern !== undefined && !pattern.test(value)) throw refused(where, 'has a wrong form')
    return value
  }
}

/** Bytes of exactly `length`, or of `min` (default 0) to `max`. */
export function bytes(
  limits: { readonly length: number } | { readonly min?: number; readonly max: number },
): Shape<Uint8Array> {
  const { min, max } = 'length' in limits ? { min: limits.length, max: limits.length } : { min: 0, ...limits }
  return (value, where) => {
    if (!(value instanceof Uint8Array)) throw refused(where, 'is not a byte string')
    if (value.length < min || value.length > max) throw refused(where, 'has a wrong length')
    return value
  }
}

/** An unsigned integer of `min` (default 0) to `max` (default 2^53 - 1). */
export function uint(limits: { readonly min?: number; readonly max?: number } = {}): Shape<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits
  return (value, where) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw refused(where, 'is not an integer')
    if (value < min || value > max) throw refused(where, 'is out of range')
    return value
  }
}

export function bool(): Shape<boolean> {
  return (value, where) => {
    if (typeof value !== 'boolean') throw refused(where, 'is not true or false')
    return value
  }
}

export function literal<const T extends string | number | boolean | null>(expected: T): Shape<T> {
  return oneOf(expected)
}

/** One of a few constants. */
export function oneOf<const T extends readonly (string | number | boolean | null)[]>(...allowed: T): Shape<T[number]> {
  const set = new Set<unknown>(allowed)
  return (value, where) => {
    if (!set.has(value)) throw refused(where, 'is not one of the allowed values')
    return value as T[number]
  }
}

/** A list of `min` (default 0) to `max` items of one shape. */
export function list<T>(item: Shape<T>, limits: { readonly min?: number; readonly max: number }): Shape<readonly T[]> {
  const { min = 0, max } = limits
  return (value, where) => {
    if (!Array.isArray(value)) throw refused(where, 'is not a list')
    if (value.length < min || value.length > max) throw refused(where, 'has a wrong number of items')
    const inside = `${where}[]`
    const out: T[] = []
    for (let i = 0; i < value.length; i++) out.push(item(value[i], inside))
    return out
  }
}

/** As `list`, of texts, with no item twice. */
export function distinct<T extends string>(
  item: Shape<T>,
  limits: { readonly min?: number; readonly max: number },
): Shape<readonly T[]> {
  const items = list(item, limits)
  return (value, where) => {
    const out = items(value, where)
    if (new Set(out).size !== out.length) throw refused(where, 'has an item twice')
    return out
  }
}

/** A list with a shape for each place, as the CBOR arrays of docs/protocol are. */
export function tuple<const S extends readonly Shape<unknown>[]>(
  ...items: S
): Shape<{ readonly [I in keyof S]: Infer<S[I]> }> {
  return (value, where) => {
    if (!Array.isArray(value) || value.length !== items.length) throw refused(where, 'has a wrong number of items')
    return items.map((item, i) => item(value[i], `${where}[${i}]`)) as { readonly [I in keyof S]: Infer<S[I]> }
  }
}

export function optional<T>(shape: Shape<T>): OptionalMember<T> {
  return { optional: shape }
}

/** An object with exactly these members; `optional` ones may be absent. */
export function struct<const M extends Members>(members: M): Shape<StructOf<M>> {
  const rows = Object.entries(members).map(([name, member]) =>
    typeof member === 'function'
      ? { name, shape: member, required: true }
      : { name, shape: member.optional, required: false },
  )
  const known = new Set(Object.keys(members))
  return (value, where) => {
    const object = plainObject(value, where)
    for (const name of Object.keys(object)) {
      if (!known.has(name)) throw refused(where, 'has an unknown member')
    }
    const out: Record<string, unknown> = {}
    for (const { name, shape, required } of rows) {
      if (Object.hasOwn(object, name)) out[name] = shape(object[name], `${where}.${name}`)
      else if (required) throw refused(`${where}.${name}`, 'is missing')
    }
    return out as StructOf<M>
  }
}

/** An object used as a table: names of one shape, values of another, `max` of them. */
export function record<T>(name: Shape<string>, member: Shape<T>, limits: { readonly max: number }) {
  return (value: unknown, where: string): Readonly<Record<string, T>> => {
    const object = plainObject(value, where)
    const names = Object.keys(object)
    if (names.length > limits.max) throw refused(where, 'has too many members')
    const out: Record<string, T> = {}
    for (const key of names) {
      if (key === '__proto__') throw refused(where, 'has an unknown member')
      out[name(key, where)] = member(object[key], `${where}.*`)
    }
    return out
  }
}

/** One of several objects, told apart by the text in the member `tag`. */
export function variant<const V extends Readonly<Record<string, Shape<unknown>>>>(
  tag: string,
  shapes: V,
): Shape<Infer<V[keyof V]>> {
  return (value, where) => {
    const object = plainObject(value, where)
    const kind = Object.hasOwn(object, tag) ? object[tag] : undefined
    if (typeof kind !== 'string' || !Object.hasOwn(shapes, kind)) {
      throw refused(`${where}.${tag}`, 'is not one of the allowed values')
    }
    return (shapes[kind] as Shape<Infer<V[keyof V]>>)(value, where)
  }
}

/** Canonical base64url without padding of exactly `length` bytes, kept as text. */
export function b64u(length: number): Shape<string> {
  const decoded = b64uBytes(length)
  return (value, where) => {
    decoded(value, where)
    return value as string
  }
}

/** As `b64u`, decoded. */
export function b64uBytes(length: number): Shape<Uint8Array> {
  return (value, where) => decodeText(value, where, Math.ceil((length * 4) / 3), decodeBase64url)
}

/** Lower-case hexadecimal of exactly `length` bytes, kept as text. */
export function hex(length: number): Shape<string> {
  return text({ min: 2 * length, max: 2 * length, pattern: /^[0-9a-f]*$/ })
}

/** As `hex`, decoded. */
export function hexBytes(length: number): Shape<Uint8Array> {
  return (value, where) => decodeText(value, where, 2 * length, decodeHex)
}

/** The same value with a further condition; `isRight` must not throw. */
export function refine<T>(shape: Shape<T>, isRight: (value: T) => boolean, what: string): Shape<T> {
  return (value, where) => {
    const out = shape(value, where)
    if (!isRight(out)) throw refused(where, what)
    return out
  }
}

function decodeText(value: unknown, where: string, length: number, decode: (text: string) => Uint8Array): Uint8Array {
  if (typeof value !== 'string') throw refused(where, 'is not text')
  if (value.length !== length) throw refused(where, 'has a wrong length')
  try {
    return decode(value)
  } catch {
    throw refused(where, 'has a wrong form')
  }
}

function plainObject(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw refused(where, 'is not an object')
  }
  return value as Readonly<Record<string, unknown>>
}

function refused(where: string, what: string): ProtocolError {
  return new ProtocolError('MESSAGE_MALFORMED', `${where} ${what}`)
}
