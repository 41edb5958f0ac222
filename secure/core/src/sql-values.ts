/**
 * Columns as typed values. The schema is strict, so another type than expected means another database than ours.
 *
 * @module
 */
import { StorageError } from './errors.ts'
import type { SqlRow } from './ports.ts'

/** @throws {StorageError} `STORE_DAMAGED`, as all functions here. */
export function integerOf(row: SqlRow | undefined, column: string): number {
  const value = row?.[column]
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged()
  return value
}

export function optionalIntegerOf(row: SqlRow, column: string): number | null {
  return row[column] === null ? null : integerOf(row, column)
}

export function textOf(row: SqlRow | undefined, column: string): string {
  const value = row?.[column]
  if (typeof value !== 'string') throw damaged()
  return value
}

export function optionalTextOf(row: SqlRow, column: string): string | null {
  return row[column] === null ? null : textOf(row, column)
}

export function bytesOf(row: SqlRow | undefined, column: string): Uint8Array {
  const value = row?.[column]
  if (!(value instanceof Uint8Array)) throw damaged()
  return value
}

export function optionalBytesOf(row: SqlRow, column: string): Uint8Array | null {
  return row[column] === null ? null : bytesOf(row, column)
}

function damaged(): StorageError {
  return new StorageError('STORE_DAMAGED', 'a column is not of its type')
}
