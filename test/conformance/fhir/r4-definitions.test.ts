/**
 * Our tables against R4's own definitions: resource types, element paths and their types, the patient compartment, and
 * the code systems whose codes we name.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EHR_TYPES, ehrTypeOf, ISSUE_SEVERITIES, ISSUE_TYPES, RESOURCE_TYPES } from '../../../shared/fhir/src/index.ts'
import type { ResourceType } from '../../../shared/fhir/src/index.ts'
import { rowOf } from '../../../shared/fhir/src/resource-types.ts'
import { exampleNames, exampleText } from './r4-package.ts'

interface ElementDefinition {
  readonly path: string
  readonly type?: readonly { readonly code: string; readonly targetProfile?: readonly string[] }[]
}

interface StructureDefinition {
  readonly kind: string
  readonly derivation?: string
  readonly abstract: boolean
  readonly type: string
  readonly snapshot: { readonly element: readonly ElementDefinition[] }
}

interface CodeSystem {
  readonly concept: readonly { readonly code: string; readonly concept?: CodeSystem['concept'] }[]
}

/** Each concrete resource type with its elements by path; a choice `value[x]` stands as `valueString`, ... */
const definitions = new Map<string, ReadonlyMap<string, readonly string[]>>()
for (const name of exampleNames('StructureDefinition')) {
  const definition = JSON.parse(exampleText(name)) as StructureDefinition
  if (definition.kind !== 'resource' || definition.derivation !== 'specialization' || definition.abstract) continue
  const elements = new Map<string, readonly string[]>()
  for (const { path, type } of definition.snapshot.element) {
    const inner = path.slice(definition.type.length + 1)
    for (const { code, targetProfile } of type ?? []) {
      const concrete = inner.endsWith('[x]') ? inner.slice(0, -3) + code.charAt(0).toUpperCase() + code.slice(1) : inner
      const targets = (targetProfile ?? []).map((profile) => `${code}:${profile.split('/').at(-1)}`)
      elements.set(concrete, [...(elements.get(concrete) ?? []), code, ...targets])
    }
  }
  definitions.set(definition.type, elements)
}

/** Data types by whose elements a path may go on, or end. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  'attachment.title': ['string'],
  'deviceName.name': ['string'],
  'content.title': ['string'],
  'dosageInstruction.timing': ['Timing'],
}

function typesAt(type: string, path: readonly string[]): readonly string[] | undefined {
  const elements = definitions.get(type)
  return elements?.get(path.join('.')) ?? PARTS[path.slice(-2).join('.')]
}

describe('the table of resource types', () => {
  it('has exactly the concrete types of R4', () => {
    assert.deepEqual([...RESOURCE_TYPES], [...definitions.keys()].sort())
    assert.equal(RESOURCE_TYPES.length, 146)
  })

  const allowed = {
    subject: ['Reference'],
    codes: ['CodeableConcept', 'Coding', 'Reference'],
    dates: ['date', 'dateTime', 'instant', 'Period', 'Timing'],
    authors: ['Reference'],
    title: ['string', 'markdown', 'CodeableConcept', 'Reference', 'HumanName'],
  } as const

  for (const column of Object.keys(allowed) as (keyof typeof allowed)[]) {
    it(`names under "${column}" elements that R4 has, of types that we read`, () => {
      for (const type of RESOURCE_TYPES) {
        const found = rowOf(type)[column].map((path) => [path.join('.'), typesAt(type, path)] as const)
        for (const [path, types] of found) {
          // A choice is written out to every type we read; R4 need not have them all, but must have one.
          const stem = path.replace(/(CodeableConcept|Reference|DateTime|Period|Instant|Date|Timing)$/, '')
          const isThere =
            types !== undefined ||
            found.some(([other, known]) => known !== undefined && other !== path && other.startsWith(stem))
          // "title name" is tried for types without a title of their own.
          if (column === 'title' && (path === 'title' || path === 'name') && types === undefined) continue
          assert.ok(isThere, `${type}.${path}`)
          const wanted: readonly string[] = allowed[column]
          if (types !== undefined && !(column === 'title' && path === 'name')) {
            assert.ok(
              types.some((code) => wanted.includes(code)),
              `${type}.${path}: ${types.join()}`,
            )
          }
        }
      }
    })
  }

  it('names under "subject" only elements that may hold a Patient', () => {
    for (const type of RESOURCE_TYPES) {
      for (const path of rowOf(type).subject) {
        const types = typesAt(type, path) ?? []
        const isAny = types.includes('Reference:Resource') || types.length === 1
        assert.ok(types.includes('Reference:Patient') || isAny, `${type}.${path.join('.')}: ${types.join()}`)
      }
    }
  })

  it('names a status that R4 has, a code or a concept', () => {
    const without = RESOURCE_TYPES.filter((type) => typesAt(type, [rowOf(type).status]) === undefined)
    for (const type of without) assert.equal(rowOf(type).status, 'status', type)
    for (const type of RESOURCE_TYPES) {
      const types = typesAt(type, [rowOf(type).status])
      assert.ok(types === undefined || types.includes('code') || types.includes('CodeableConcept'), type)
    }
  })

  it('has a subject for every type of the patient compartment', () => {
    const { resource } = JSON.parse(exampleText('CompartmentDefinition-patient')) as {
      resource: { code: ResourceType; param?: string[] }[]
    }
    const inCompartment = resource.filter(({ param }) => param !== undefined).map(({ code }) => code)
    assert.equal(inCompartment.length, 66)
    // A Patient is its own; a Group has many patients and is about none of them.
    const without = inCompartment.filter((type) => rowOf(type).subject.length === 0)
    assert.deepEqual(without, ['Group', 'Patient'])
    // Types that R4 leaves out of the compartment though an element of theirs names the patient.
    const beyond = RESOURCE_TYPES.filter((type) => rowOf(type).subject.length > 0 && !inCompartment.includes(type))
    assert.deepEqual(beyond, ['Contract', 'Device', 'GuidanceResponse', 'Task'])
  })
})

describe('the codes we name', () => {
  const codesOf = (name: string): ReadonlySet<string> => {
    const all = (concepts: CodeSystem['concept']): string[] =>
      concepts.flatMap(({ code, concept }) => [code, ...all(concept ?? [])])
    return new Set(all((JSON.parse(exampleText(name)) as CodeSystem).concept))
  }
  const observation = (category: unknown): ReturnType<typeof ehrTypeOf> =>
    ehrTypeOf({ resourceType: 'Observation', category, specimen: { reference: 'Specimen/1' } })

  it('are all issue types and severities of R4', () => {
    assert.deepEqual(new Set(ISSUE_TYPES), codesOf('CodeSystem-issue-type'))
    assert.deepEqual(new Set(ISSUE_SEVERITIES), codesOf('CodeSystem-issue-severity'))
  })

  it('include every category of observations: none falls through to a guess', () => {
    const system = 'http://terminology.hl7.org/CodeSystem/observation-category'
    const expected: Readonly<Record<string, string>> = {
      laboratory: 'lab',
      'vital-signs': 'vital-signs',
      imaging: 'imaging',
      procedure: 'procedure',
    }
    for (const code of codesOf('CodeSystem-observation-category')) {
      // With a specimen the guess would be `lab`.
      assert.equal(observation([{ coding: [{ system, code }] }]), expected[code] ?? 'other', code)
    }
  })

  it('include every LOINC code of the vital signs value set', () => {
    const { compose } = JSON.parse(exampleText('ValueSet-observation-vitalsignresult')) as {
      compose: { include: { system: string; concept: { code: string }[] }[] }
    }
    const codes = compose.include.flatMap(({ system, concept }) => concept.map(({ code }) => ({ system, code })))
    assert.equal(codes.length, 13)
    for (const coding of codes) {
      assert.equal(ehrTypeOf({ resourceType: 'Observation', code: { coding: [coding] } }), 'vital-signs', coding.code)
    }
  })

  it('of HL7 v2 table 0074 give these kinds of reports', () => {
    const system = 'http://terminology.hl7.org/CodeSystem/v2-0074'
    const byKind = new Map<string, string[]>()
    for (const code of codesOf('CodeSystem-v2-0074')) {
      const kind = ehrTypeOf({ resourceType: 'DiagnosticReport', category: [{ coding: [{ system, code }] }] })
      byKind.set(kind, [...(byKind.get(kind) ?? []), code])
    }
    for (const kind of byKind.keys()) assert.ok((EHR_TYPES as readonly string[]).includes(kind))
    assert.deepEqual(byKind.get('imaging'), 'CT CTH CUS IMG NMR NMS OUS RAD RUS RX VUS XRC'.split(' '))
    assert.deepEqual(
      byKind.get('lab'),
      'BG BLB CG CH CP GE HM IMM LAB MB MCB MYC OSL PAR PAT SP SR TX URN VR'.split(' '),
    )
    assert.deepEqual(byKind.get('document'), ['PHY'])
  })

  it('of a Consent are in their code systems', () => {
    for (const code of ['access', 'collect', 'use']) assert.ok(codesOf('CodeSystem-consent-action').has(code))
    assert.ok(codesOf('CodeSystem-consent-scope').has('patient-privacy'))
    for (const code of ['IRCP', 'CST']) assert.ok(codesOf('CodeSystem-v3-ParticipationType').has(code))
    assert.ok(codesOf('CodeSystem-v3-ActCode').has('OPTIN'))
  })
})
