/**
 * Stands in for node:assert/strict inside the secure world, with what the suites of the ports use. `deepEqual` compares
 * plain values, arrays and byte arrays; anything it does not know, it refuses.
 *
 * @module
 */
type Expectation = (new (...args: never) => unknown) | Readonly<Record<string, unknown>>

function fail(message: string): never {
  throw new Error(message)
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const prototype: unknown = Object.getPrototypeOf(a)
  if (prototype !== Object.getPrototypeOf(b)) return false
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== Uint8Array.prototype) {
    fail('deepEqual does not know this kind of object')
  }
  const [left, right] = [Object.entries(a), Object.entries(b)]
  return left.length === right.length && left.every(([name, value]) => isSame(value, Reflect.get(b, name)))
}

function matches(error: unknown, expected: Expectation): boolean {
  if (typeof expected === 'function') return error instanceof expected
  return Object.entries(expected).every(([name, value]) => isSame(Reflect.get(error as object, name), value))
}

const assert = {
  ok(value: unknown): void {
    if (value === false || value === undefined || value === null || value === 0 || value === '') fail('not ok')
  },
  equal(actual: unknown, expected: unknown): void {
    if (!Object.is(actual, expected)) fail(`${String(actual)} is not ${String(expected)}`)
  },
  deepEqual(actual: unknown, expected: unknown): void {
    if (!isSame(actual, expected)) fail('values differ')
  },
  notDeepEqual(actual: unknown, expected: unknown): void {
    if (isSame(actual, expected)) fail('values are the same')
  },
  throws(action: () => unknown, expected: Expectation): void {
    try {
      action()
    } catch (error) {
      if (!matches(error, expected)) fail(`threw ${String(error)}`)
      return
    }
    fail('did not throw')
  },
}

// oxlint-disable-next-line no-default-export -- as node:assert has it
export default assert
