/**
 * Values of options, with their types.
 *
 * @module
 */
import { usageError } from './command-error.ts'
import type { OptionValues } from './command-row.ts'

export function text(options: OptionValues, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

export function texts(options: OptionValues, name: string): readonly string[] | undefined {
  const value = options[name]
  if (typeof value === 'string') return [value]
  return typeof value === 'boolean' ? undefined : value
}

/** @param flag as people write it: `--patient`. */
export function requiredText(options: OptionValues, name: string, flag: string, what: string): string {
  const value = text(options, name)
  if (value === undefined || value === '') throw usageError(`${what} is missing.`, `${flag} …`)
  return value
}
