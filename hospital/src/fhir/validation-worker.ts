/**
 * The validator's thread: reads R4's StructureDefinitions once (npm hl7.fhir.r4.examples, CC0-1.0), then validates what
 * is posted to it.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core'
import type { Finding } from './validation.ts'

const SOURCE = dirname(createRequire(import.meta.url).resolve('hl7.fhir.r4.examples/package.json'))
/** Quantities that R4 narrows; the elements of other types are of these types. */
const NARROWED = new Set(['SimpleQuantity', 'MoneyQuantity'])
const MAX_FINDINGS = 20

interface Definition {
  readonly id: string
  readonly kind: string
  readonly derivation?: string
  readonly snapshot?: object
}

function loadDefinitions(): void {
  const definitions = readdirSync(SOURCE)
    .filter((name) => name.startsWith('StructureDefinition-'))
    .map((name) => JSON.parse(readFileSync(join(SOURCE, name), 'utf8')) as Definition)
    .filter(({ id, kind, derivation, snapshot }) => {
      return snapshot !== undefined && kind !== 'logical' && (derivation !== 'constraint' || NARROWED.has(id))
    })
  indexStructureDefinitionBundle(definitions as unknown as Parameters<typeof indexStructureDefinitionBundle>[0])
}

function validate(text: string): readonly Finding[] {
  try {
    validateResource(JSON.parse(text) as Parameters<typeof validateResource>[0])
    return []
  } catch (error) {
    if (!(error instanceof OperationOutcomeError)) return [{ expression: '', rule: 'the resource cannot be read' }]
    return error.outcome.issue
      .filter(({ severity }) => severity === 'error' || severity === 'fatal')
      .slice(0, MAX_FINDINGS)
      .map(({ expression, details }) => ({
        expression: expression?.[0] ?? '',
        rule: details?.text ?? 'a rule of R4',
      }))
  }
}

loadDefinitions()
parentPort?.on('message', ({ id, text }: { id: number; text: string }) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window.
  parentPort?.postMessage({ id, findings: validate(text) })
})
