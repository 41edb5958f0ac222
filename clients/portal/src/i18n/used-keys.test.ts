/**
 * No text of the catalogues is unused. A key stands in the sources as it is, or a template makes it: then each part that
 * the template leaves open must stand somewhere as a text, too (`kind.${type}.many` and `'lab'`).
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../../../..')
/** Where the page's own texts stand, and where the values come from that it makes keys of. */
const PAGE = 'clients/portal/src'
const VALUES = [PAGE, 'clients/sdk/src', 'shared', 'secure/core/src', 'hospital/src']

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name))
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
}

const HOLE = /\$\{(?:[^{}]|\{[^{}]*\})*\}/g
/** A template that begins with an area of the catalogue. */
const TEMPLATE = /`([a-z]+\.(?:\$\{(?:[^{}]|\{[^{}]*\})*\}|[^`$])*)`/g
/** Names of columns: `shell/sheet-table.tsx` joins them to the place that it is given. */
const COLUMNS = /words="([a-z.]+)"/g

/** What a set of sources uses: texts as they are, and templates as patterns whose groups are the open parts. */
function usesOf(sources: readonly string[]): { texts: ReadonlySet<string>; patterns: readonly RegExp[] } {
  const all = sources.join('\n')
  const texts = new Set([...all.matchAll(/['"`]([\w.-]+)['"`]/g)].map(([, text]) => text as string))
  // Names of members are values, too: `{ 'danger-to-life': …, other: … }`.
  for (const [, name] of all.matchAll(/(?:^|[{,\s])([\w-]+):/g)) texts.add(name as string)
  const templates = [
    ...[...all.matchAll(TEMPLATE)].map(([, template]) => template as string).filter((one) => one.includes('${')),
    ...[...all.matchAll(COLUMNS)].map(([, place]) => `${place}.\${column}`),
  ]
  const escape = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
  const patterns = [...new Set(templates)].map((template) => {
    const fixed = template.split(HOLE).map(escape)
    return new RegExp(`^${fixed.join('(.+)')}$`)
  })
  return { texts, patterns }
}

function unusedOf(keys: readonly string[], page: readonly string[], values: readonly string[]): readonly string[] {
  const { texts, patterns } = usesOf(page)
  const known = usesOf(values).texts
  const isMade = (key: string) =>
    patterns.some((pattern) => {
      const parts = pattern.exec(key)?.slice(1)
      return parts?.every((part) => known.has(part) || /^\d+$/.test(part)) === true
    })
  return keys.filter((key) => !texts.has(key) && !isMade(key))
}

test('every text of the catalogues is used', () => {
  const folder = join(ROOT, 'clients/portal/locales/en')
  const keys = readdirSync(folder).flatMap((name) =>
    Object.keys(JSON.parse(readFileSync(join(folder, name), 'utf8')) as object),
  )
  assert.ok(keys.length > 1_000)
  assert.deepEqual(unusedOf(keys, sourcesIn(PAGE), VALUES.flatMap(sourcesIn)), [])
})

test('the search finds what nothing uses', () => {
  const page = ["t('a.title')", 't(`a.kind.${kind}.many`)', 'words="a.column"', "['time']"]
  const found = unusedOf(
    ['a.title', 'a.kind.lab.many', 'a.kind.none.many', 'a.column.time', 'a.column.place', 'a.line'],
    page,
    [...page, "type Kind = 'lab'"],
  )
  assert.deepEqual(found, ['a.kind.none.many', 'a.column.place', 'a.line'])
})
