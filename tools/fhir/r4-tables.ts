/**
 * Makes `hospital/src/fhir/r4-tables.json` from R4's own definitions (npm hl7.fhir.r4.examples, CC0-1.0): the search
 * parameters of every resource type and the elements that belong to `_summary=true`.
 *
 *     node tools/run.mjs tools/fhir/r4-tables.ts [--write]
 *
 * Without `--write` it ends with 1 when the file differs.
 *
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RESOURCE_TYPES } from '../../shared/fhir/src/index.ts'
import { ROOT } from '../files.ts'

const SOURCE = join(ROOT, 'node_modules', 'hl7.fhir.r4.examples')
const TARGET = join(ROOT, 'hospital', 'src', 'fhir', 'r4-tables.json')

type Component = readonly [kind: string, expression: string]
type Row = readonly [
  kind: string,
  expression: string,
  targets?: readonly string[],
  /** Of a composite; its expression says of which elements they are. */
  components?: readonly Component[],
]

/** What one resource type of FHIR has, by name. */
export interface R4Tables {
  readonly parameters: Readonly<Record<string, Readonly<Record<string, Row>>>>
  readonly summary: Readonly<Record<string, readonly string[]>>
}

interface SearchParameter {
  readonly url: string
  readonly code: string
  readonly type: string
  readonly base?: readonly string[]
  readonly expression?: string
  readonly target?: readonly string[]
  readonly component?: readonly { readonly definition: string; readonly expression: string }[]
}

interface StructureDefinition {
  readonly type: string
  readonly derivation?: string
  readonly snapshot?: { readonly element: readonly { readonly path: string; readonly isSummary?: boolean }[] }
}

/** Kinds that this product searches by, beside composites of them; `special` is left out. */
const KINDS = new Set(['token', 'string', 'reference', 'date', 'quantity', 'uri', 'number'])

function filesOf<T>(type: string): T[] {
  return readdirSync(SOURCE)
    .filter((name) => name.startsWith(`${type}-`) && name.endsWith('.json'))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(join(SOURCE, name), 'utf8')) as T)
}

export function makeTables(): R4Tables {
  const parameters: Record<string, Record<string, Row>> = {}
  const all = filesOf<SearchParameter>('SearchParameter')
  const kinds = new Map(all.map(({ url, type }) => [url, type]))
  for (const { url, code, type, base = [], expression, target, component = [] } of all) {
    // The package has parameters of extensions and profiles too; those of the base standard have these addresses.
    if (!/^http:\/\/hl7\.org\/fhir\/SearchParameter\/([A-Za-z]+-[a-z-]+)$/.test(url)) continue
    if (expression === undefined || expression.includes('extension(')) continue
    const components = component.map((one): Component => [
      kinds.get(one.definition) ?? '',
      one.expression.replaceAll('as(DateTime)', 'as(dateTime)'),
    ])
    if (!(type === 'composite' ? isSearchable(components) : KINDS.has(type))) continue
    for (const resourceType of base) {
      if (!(RESOURCE_TYPES as readonly string[]).includes(resourceType)) continue
      const own = partsOf(expression).filter((part) => new RegExp(`^\\(?${resourceType}\\b`).test(part))
      if (own.length === 0) continue
      const row = (parameters[resourceType] ??= {})
      if (type === 'composite') row[code] = [type, own.join(' | '), [], components]
      else row[code] = target === undefined ? [type, own.join(' | ')] : [type, own.join(' | '), [...target].toSorted()]
    }
  }
  const summary: Record<string, string[]> = {}
  for (const { type, derivation, snapshot } of filesOf<StructureDefinition>('StructureDefinition')) {
    if (derivation === 'constraint' || snapshot === undefined) continue
    if (!(RESOURCE_TYPES as readonly string[]).includes(type)) continue
    summary[type] = snapshot.element.flatMap(({ path, isSummary }) => {
      const [, name, deeper] = path.split('.')
      return isSummary === true && name !== undefined && deeper === undefined ? [name] : []
    })
  }
  const rows = Object.entries(parameters).map(([type, row]) => [type, sorted(row)] as const)
  return { parameters: sorted(Object.fromEntries(rows)), summary: sorted(summary) }
}

/** Two of R4's look from an element at the whole resource: they are left out. */
function isSearchable(components: readonly Component[]): boolean {
  return (
    components.length > 1 &&
    components.every(([kind, expression]) => KINDS.has(kind) && !expression.includes('%resource'))
  )
}

/** The alternatives of an expression, not those inside brackets. */
function partsOf(expression: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i < expression.length; i++) {
    if (expression[i] === '(') depth++
    else if (expression[i] === ')') depth--
    else if (expression[i] === '|' && depth === 0) {
      parts.push(expression.slice(from, i).trim())
      from = i + 1
    }
  }
  return [...parts, expression.slice(from).trim()]
}

function sorted<T>(object: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** One parameter a line. */
export function formatTables({ parameters, summary }: R4Tables): string {
  const types = Object.entries(parameters).map(
    ([type, rows]) =>
      `${JSON.stringify(type)}:{\n${Object.entries(rows)
        .map(([code, row]) => `${JSON.stringify(code)}:${JSON.stringify(row)}`)
        .join(',\n')}\n}`,
  )
  const summaries = Object.entries(summary).map(([type, names]) => `${JSON.stringify(type)}:${JSON.stringify(names)}`)
  return `{"parameters":{\n${types.join(',\n')}\n},"summary":{\n${summaries.join(',\n')}\n}}\n`
}

if (import.meta.main) {
  const made = formatTables(makeTables())
  if (process.argv.includes('--write')) writeFileSync(TARGET, made)
  else if (readFileSync(TARGET, 'utf8') !== made) {
    console.error('hospital/src/fhir/r4-tables.json differs; run with --write')
    process.exitCode = 1
  }
}
