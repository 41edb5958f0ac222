/**
 * Every official R4 example is read, and every one that is a record is indexed. What a resource says of its patient is
 * found a second time from R4's own SearchParameter expressions, and both must agree.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import {
  extractIndex,
  FhirError,
  isEhrType,
  linkBundle,
  parseResource,
  splitBundle,
} from '../../../shared/fhir/src/index.ts'
import type { FhirResource, RecordIndex } from '../../../shared/fhir/src/index.ts'
import { valuesAt } from '../../../shared/fhir/src/json-value.ts'
import { DEFINITIONS, exampleNames, exampleText } from './r4-package.ts'

/** The largest example is a Bundle of 35 MB. */
const LIMITS = { maxBytes: 64 * 1024 * 1024 }

/**
 * The one example that R4 itself forbids: its id has 67 characters, three more than datatypes.html#id allows.
 */
const FORBIDDEN = 'SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject'

describe('the official R4 examples', () => {
  const records: { readonly name: string; readonly resource: FhirResource; readonly index: RecordIndex }[] = []
  const refused: string[] = []
  const types = new Set<string>()
  let read = 0

  before(() => {
    for (const name of exampleNames()) {
      const text = exampleText(name)
      try {
        const resource = parseResource(text, LIMITS)
        assert.deepEqual(resource, JSON.parse(text))
        read++
        types.add(resource.resourceType)
        const index = extractIndex(resource)
        if (!DEFINITIONS.has(resource.resourceType)) records.push({ name, resource, index })
      } catch (error) {
        if (!(error instanceof FhirError)) throw error
        refused.push(`${name}: ${error.code}`)
      }
    }
  })

  it('are 5,306; all are read but the one whose id is longer than R4 allows', () => {
    assert.equal(exampleNames().length, 5306)
    assert.equal(read, 5305)
    assert.deepEqual(refused, [`${FORBIDDEN}: FHIR_BAD_ID`])
    assert.equal((JSON.parse(exampleText(FORBIDDEN)) as { id: string }).id.length, 67)
  })

  it('are of 140 types, 746 of them records', () => {
    assert.equal(types.size, 140)
    assert.equal(records.length, 746)
  })

  it('have a kind and a title, and codes that stand in their text', () => {
    for (const { name, resource, index } of records) {
      assert.ok(isEhrType(index.ehrType), name)
      assert.ok(index.title.length > 0 && index.title.length <= 200, name)
      const text = JSON.stringify(resource)
      for (const { system, code } of index.codes) {
        assert.ok(text.includes(JSON.stringify(code)), name)
        assert.ok(system === '' || text.includes(JSON.stringify(system)), name)
      }
    }
  })

  it('are of these kinds', () => {
    const counts: Record<string, number> = {}
    for (const { index } of records) counts[index.ehrType] = (counts[index.ehrType] ?? 0) + 1
    assert.deepEqual(counts, {
      allergy: 6,
      careplan: 29,
      condition: 31,
      consent: 20,
      document: 12,
      encounter: 16,
      imaging: 8,
      immunization: 8,
      lab: 45,
      medicine: 115,
      other: 398,
      procedure: 42,
      'vital-signs': 16,
    })
  })

  it('belong to the patients whom R4 searches them by', () => {
    const searched = patientPaths()
    let found = 0
    for (const { name, resource, index } of records) {
      const references = (searched.get(resource.resourceType) ?? []).flatMap((path) =>
        valuesAt(resource, path, 1000).flatMap((value) => {
          const reference = (value as { reference?: unknown } | null)?.reference
          return typeof reference === 'string' && /(^|\/)Patient\//.test(reference) ? [reference] : []
        }),
      )
      if (resource.resourceType === 'Patient') {
        assert.equal(index.subjectReference, `Patient/${resource.id}`, name)
      } else if (references.length > 0) {
        found++
        assert.ok(index.subjectReference !== undefined && references.includes(index.subjectReference), name)
      } else {
        assert.equal(index.subjectReference, undefined, name)
      }
    }
    assert.equal(found, 385)
  })

  it('that are Bundles split into the resources that JSON.parse sees in them', () => {
    let bundles = 0
    let entries = 0
    for (const name of exampleNames('Bundle')) {
      const text = exampleText(name)
      const split = splitBundle(text, LIMITS)
      const parsed = JSON.parse(text) as { entry?: { resource?: unknown }[] }
      assert.deepEqual(
        split.entries.map(({ resourceText }) =>
          resourceText === undefined ? undefined : (JSON.parse(resourceText) as unknown),
        ),
        (parsed.entry ?? []).map(({ resource }) => resource),
      )
      let at = 0
      for (const { resourceText } of split.entries) {
        if (resourceText === undefined) continue
        at = text.indexOf(resourceText, at) + resourceText.length
        assert.ok(at >= resourceText.length)
      }
      bundles++
      entries += linkBundle(split).entries.length
    }
    assert.equal(bundles, 44)
    assert.equal(entries, 13_318)
  })
})

/**
 * For each type the paths by which R4 finds its patient: the search parameters `patient` and `subject`, and the one
 * parameter by which the types without them stand in the patient compartment.
 */
function patientPaths(): ReadonlyMap<string, readonly (readonly string[])[]> {
  const only: Readonly<Record<string, string>> = {
    Appointment: 'actor',
    AppointmentResponse: 'actor',
    Coverage: 'beneficiary',
    ResearchSubject: 'individual',
    Schedule: 'actor',
  }
  const paths = new Map<string, (readonly string[])[]>()
  for (const name of exampleNames('SearchParameter')) {
    const parameter = JSON.parse(exampleText(name)) as {
      code: string
      base: string[]
      expression?: string
      type: string
    }
    if (parameter.type !== 'reference' || parameter.expression === undefined) continue
    for (const type of parameter.base) {
      if (parameter.code !== 'patient' && parameter.code !== 'subject' && only[type] !== parameter.code) continue
      for (const expression of parameter.expression.split('|')) {
        const path = expression.trim().replace(/\.where\(resolve\(\) is Patient\)$/, '')
        if (path.startsWith(`${type}.`) && /^[A-Za-z.]+$/.test(path)) {
          paths.set(type, [...(paths.get(type) ?? []), path.split('.').slice(1)])
        }
      }
    }
  }
  return paths
}
