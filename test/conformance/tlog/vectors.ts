/**
 * Reading vectors: base64 to bytes, and one of our checks to a verdict. For tests only.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { LogError } from '../../../shared/tlog/src/index.ts'

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the shape it then tests
export function readVectors<T>(url: URL): T {
  return JSON.parse(readFileSync(url, 'utf8')) as T
}

export function bytes(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}

/** Whether `check` accepts; anything but a LogError is a fault. */
export function verdict(check: () => void): boolean {
  try {
    check()
    return true
  } catch (error) {
    assert.ok(error instanceof LogError, String(error))
    return false
  }
}
