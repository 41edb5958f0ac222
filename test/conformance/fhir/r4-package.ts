/**
 * The official FHIR R4 examples (npm `hl7.fhir.r4.examples` 4.0.1, CC0-1.0), read once.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../../../node_modules/hl7.fhir.r4.examples')

/** Resources that define FHIR itself; the other examples are records. */
export const DEFINITIONS: ReadonlySet<string> = new Set([
  'SearchParameter',
  'ValueSet',
  'CodeSystem',
  'StructureDefinition',
  'ConceptMap',
  'OperationDefinition',
])

/** File names without `.json`, sorted; `package.json` is the npm manifest and no resource. */
export function exampleNames(type?: string): readonly string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json') && name !== 'package.json')
    .filter((name) => type === undefined || name.startsWith(`${type}-`))
    .map((name) => name.slice(0, -'.json'.length))
    .sort()
}

export function exampleText(name: string): string {
  return readFileSync(join(FOLDER, `${name}.json`), 'utf8')
}
