/**
 * Typed access to the world state. Values are JSON with sorted members, written only by this contract, so they are read
 * without checking their shape again.
 *
 * @module
 */
import { type JsonValue, stringifySorted } from '../../../shared/protocol/src/index.ts'
import { type EventName, type LedgerEvent } from '../../../shared/ledger-model/src/index.ts'
import type { ContractCall, StatePage, WorldState } from './call.ts'

/** The value at `key`, or undefined. `T` is what the contract writes there. */
export async function find<T>(state: WorldState, key: string): Promise<T | undefined> {
  const text = await state.get(key)
  return text === undefined ? undefined : (JSON.parse(text) as T)
}

export async function write(state: WorldState, key: string, value: object): Promise<void> {
  await state.put(key, toJson(value))
}

/** For a key that the transaction has read and that had no value. */
export async function writeNew(state: WorldState, key: string, value: object): Promise<void> {
  await state.add(key, toJson(value))
}

/** JSON with sorted members; members that are undefined are left out. */
export function toJson(value: unknown): string {
  return stringifySorted(withoutUndefined(value))
}

export function event(name: EventName, payload: object): LedgerEvent {
  return { name, payload: toJson(payload) }
}

/** All values under `prefix`, as texts. For read-only functions. */
export async function everything(call: ContractCall, prefix: string, max: number): Promise<string[]> {
  const values: string[] = []
  let bookmark = ''
  do {
    const page: StatePage = await call.state.range(prefix, bookmark, Math.min(1_000, max - values.length))
    for (const { value } of page.items) values.push(value)
    bookmark = page.bookmark
  } while (bookmark !== '' && values.length < max)
  return values
}

function withoutUndefined(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (typeof value === 'object' && value !== null) {
    const out: Record<string, JsonValue> = {}
    for (const [name, member] of Object.entries(value)) {
      if (member !== undefined) out[name] = withoutUndefined(member)
    }
    return out
  }
  return value as JsonValue
}
