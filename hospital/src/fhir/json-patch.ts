/**
 * JSON Patch on the text of a resource. Numbers keep the digits with which they were written (`1.00`), in what the patch
 * does not touch and in what it adds; white space between elements goes.
 *
 * Source: RFC 6902; FHIR R4 https://hl7.org/fhir/R4/http.html#patch
 *
 * @module
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { applyPatch, Pointer, type Operation } from 'rfc6902'
import { isObject } from '../../../shared/fhir/src/json-value.ts'
import { FhirRequestError } from './errors.ts'

export const PATCH_TYPE = 'application/json-patch+json'
const MAX_OPERATIONS = 1_000
const NAMES = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test'])
/** A string of JSON, or a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** @throws {FhirRequestError} `FHIR_NOT_JSON`, `FHIR_PATCH_FAILED` naming the operation that could not be done. */
export function patched(text: string, patchText: string): string {
  checkOperations(parse(patchText))
  // A number stands as a string that nothing else can be, so that no digit of it is lost.
  const mark = `number-${randomUUID()}:`
  const target: unknown = parse(marked(text, mark))
  const operations = parse(marked(patchText, mark)) as readonly Operation[]
  for (const [i, operation] of operations.entries()) {
    if (operation.op === 'test') {
      const found: unknown = Pointer.fromJSON(operation.path).evaluate(target).value
      // Numbers are equal by value (RFC 6902 §4.6).
      if (!isDeepStrictEqual(plain(found, mark), plain(operation.value, mark))) throw failed(i, 'the test failed')
      continue
    }
    const [problem] = applyPatch(target, [operation])
    if (problem !== null) throw failed(i, 'its path does not exist')
  }
  return unmarked(JSON.stringify(target), mark)
}

function checkOperations(value: unknown): void {
  if (!Array.isArray(value) || value.length > MAX_OPERATIONS) {
    throw new FhirRequestError('FHIR_PATCH_FAILED', {
      detail: `a patch is a list of at most ${MAX_OPERATIONS} operations`,
    })
  }
  for (const [i, one] of value.entries()) {
    if (!isObject(one) || !NAMES.has(String(one['op']))) throw failed(i, 'its "op" is unknown')
    for (const name of ['path', ...(one['op'] === 'move' || one['op'] === 'copy' ? ['from'] : [])]) {
      const path = one[name]
      // The whole resource is what PUT replaces.
      const isPath =
        typeof path === 'string' && /^\/./.test(path) && !/\/(?:__proto__|constructor|prototype)(?:\/|$)/.test(path)
      if (!isPath) throw failed(i, `its "${name}" is no JSON Pointer to an element`)
    }
    const needsValue = one['op'] === 'add' || one['op'] === 'replace' || one['op'] === 'test'
    if (needsValue && !Object.hasOwn(one, 'value')) throw failed(i, 'it has no "value"')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new FhirRequestError('FHIR_NOT_JSON', { detail: 'the patch' })
  }
}

function marked(text: string, mark: string): string {
  return text.replaceAll(TOKEN, (token) => (token.startsWith('"') ? token : `"${mark}${token}"`))
}

function unmarked(text: string, mark: string): string {
  return text.replaceAll(new RegExp(`"${mark}([^"]*)"`, 'g'), '$1')
}

function plain(value: unknown, mark: string): unknown {
  return value === undefined ? undefined : JSON.parse(unmarked(JSON.stringify(value), mark))
}

function failed(index: number, why: string): FhirRequestError {
  return new FhirRequestError('FHIR_PATCH_FAILED', { detail: `operation ${index}: ${why}` })
}
