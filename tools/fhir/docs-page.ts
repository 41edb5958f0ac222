/**
 * The parts of docs/fhir.md that the façade's own tables say: between `<!-- made: x -->` and `<!-- /made -->`.
 *
 *     node tools/run.mjs tools/fhir/docs-page.ts [--write]
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { INTERACTIONS, MADE_BY_SERVER, modifiersOf, SYSTEM_INTERACTIONS } from '../../hospital/src/fhir/capability.ts'
import { OPERATIONS } from '../../hospital/src/fhir/operations.ts'
import { SEARCH_KINDS, searchParametersOf } from '../../hospital/src/fhir/r4-tables.ts'
import { CONTROLS } from '../../hospital/src/fhir/search-query.ts'
import { ROOT } from '../files.ts'

const PAGE = join(ROOT, 'docs', 'fhir.md')
/** The types that people ask for most; the others are in the CapabilityStatement. */
const SHOWN = [
  'Patient',
  'Encounter',
  'Observation',
  'Condition',
  'MedicationRequest',
  'Procedure',
  'DiagnosticReport',
  'DocumentReference',
  'AllergyIntolerance',
  'Immunization',
  'Consent',
  'AuditEvent',
  'Provenance',
]

const PARTS: Readonly<Record<string, () => string>> = {
  views: () => table(['type', 'what'], Object.entries(MADE_BY_SERVER)),
  interactions: () =>
    [
      `On every type: ${INTERACTIONS.map(code).join(', ')}; conditional create, update and delete; \`If-Match\`, \`If-None-Match\`, \`If-None-Exist\`. On the system: ${SYSTEM_INTERACTIONS.map(code).join(', ')}, \`metadata\`.`,
      '',
      table(
        ['operation', 'what'],
        [
          [
            '`GET Patient/[id]/$everything`',
            'The patient, everything in the compartment, and who and what it names: `_type`, `_since`, `start`, `end`, `_count`.',
          ],
          ...Object.entries(OPERATIONS).map(([name, { method, type, purpose }]) => [
            `\`${method} ${type ?? '[type]'}/[id]/${name}\``,
            purpose,
          ]),
        ],
      ),
    ].join('\n'),
  search: () =>
    [
      `Controls: ${CONTROLS.map(code).join(', ')}.`,
      '',
      table(
        ['kind', 'modifiers'],
        SEARCH_KINDS.map((kind) => [
          kind,
          modifiersOf(kind)
            .map((one) => code(`:${one}`))
            .join(', '),
        ]),
      ),
      '',
      table(
        ['type', 'parameters'],
        SHOWN.map((type) => [
          type,
          [...searchParametersOf(type).keys()]
            .filter((name) => !name.startsWith('_'))
            .map(code)
            .join(', '),
        ]),
      ),
    ].join('\n'),
}

function code(text: string): string {
  return `\`${text}\``
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** The page with its made parts made again. */
export async function madePage(page: string): Promise<string> {
  const made = page.replaceAll(
    /(<!-- made: (\w+) -->\n)[^]*?(<!-- \/made -->)/g,
    (_all, open: string, name: string, close: string) => {
      const part = PARTS[name]
      if (part === undefined) throw new TypeError(`docs/fhir.md: no part ${name}`)
      return `${open}\n${part()}\n\n${close}`
    },
  )
  return await format(made, { ...(await resolveConfig(PAGE)), filepath: PAGE })
}

if (import.meta.main) {
  const page = readFileSync(PAGE, 'utf8')
  const made = await madePage(page)
  if (process.argv.includes('--write')) writeFileSync(PAGE, made)
  else if (made !== page) {
    console.error('docs/fhir.md differs; run with --write')
    process.exitCode = 1
  }
}
