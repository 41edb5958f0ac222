import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { consentToWarrant, warrantToConsent } from './consent.ts'
import type { WarrantView } from './consent.ts'
import { EHR_TYPES } from './ehr-type.ts'
import { parseResource } from './resource.ts'
import type { FhirResource } from './resource.ts'
import { extractIndex } from './search-index.ts'

const WARRANT: WarrantView = {
  jti: `w-${'0'.repeat(32)}`,
  patientRef: `p-${'1'.repeat(32)}`,
  doctors: [`d-${'2'.repeat(32)}`, `h-${'3'.repeat(32)}`],
  hospital: `h-${'3'.repeat(32)}`,
  notBeforeMs: Date.parse('2026-11-17T09:00:00Z'),
  notAfterMs: Date.parse('2026-11-25T09:00:00Z'),
  scope: ['lab', 'medicine'],
  aux: 'second opinion',
}

const hex = fc
  .array(fc.constantFrom(...'0123456789abcdef'.split('')), { minLength: 32, maxLength: 32 })
  .map((all) => all.join(''))
const anyWarrant: fc.Arbitrary<WarrantView> = fc
  .record(
    {
      jti: hex.map((id) => `w-${id}`),
      patientRef: hex.map((id) => `p-${id}`),
      doctors: fc.array(
        fc.tuple(fc.constantFrom('d', 'h'), hex).map(([kind, id]) => `${kind}-${id}`),
        { minLength: 1, maxLength: 16 },
      ),
      hospital: hex.map((id) => `h-${id}`),
      notBeforeMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
      length: fc.nat({ max: 366 * 86_400_000 }),
      scope: fc.oneof(fc.constant(['*'] as const), fc.uniqueArray(fc.constantFrom(...EHR_TYPES), { minLength: 1 })),
      aux: fc.string(),
    },
    { requiredKeys: ['jti', 'patientRef', 'doctors', 'hospital', 'notBeforeMs', 'length', 'scope'] },
  )
  .map(({ length, ...warrant }) => ({ ...warrant, notAfterMs: warrant.notBeforeMs + length }))

/** The Consent of WARRANT, with the element at a dotted path put to `value`, or taken away for `undefined`. */
function consent(path?: string, value?: unknown): FhirResource {
  const made = parseResource(JSON.stringify(warrantToConsent(WARRANT, { status: 'active', signedMs: 0 })))
  if (path === undefined) return made
  const names = path.split('.')
  const last = names.pop() as string
  const holder = at(made, names.join('.')) as Record<string, unknown>
  if (value === undefined) delete holder[last]
  else holder[last] = value
  return made
}

/** The value at a dotted path. */
function at(root: unknown, path: string): unknown {
  return path === '' ? root : path.split('.').reduce((value, name) => (value as Record<string, unknown>)[name], root)
}

function refuses(name: string, path: string, value?: unknown): void {
  it(`refuses ${name}`, () => {
    assert.throws(() => consentToWarrant(consent(path, value)), { code: 'FHIR_CONSENT_UNSUPPORTED' })
  })
}

describe('warrantToConsent', () => {
  it('shows each part where R4 has it', () => {
    const shown = consent()
    assert.equal(shown['status'], 'active')
    assert.equal(at(shown, 'scope.coding.0.code'), 'patient-privacy')
    assert.equal(at(shown, 'patient.identifier.value'), WARRANT.patientRef)
    assert.equal(shown['dateTime'], '1970-01-01T00:00:00.000Z')
    assert.equal(at(shown, 'provision.type'), 'permit')
    assert.deepEqual(at(shown, 'provision.period'), {
      start: '2026-11-17T09:00:00.000Z',
      end: '2026-11-25T09:00:00.000Z',
    })
    assert.deepEqual(
      [0, 1, 2].map((i) => [
        at(shown, `provision.actor.${i}.role.coding.0.code`),
        at(shown, `provision.actor.${i}.reference.type`),
        at(shown, `provision.actor.${i}.reference.identifier.value`),
      ]),
      [
        ['IRCP', 'Practitioner', WARRANT.doctors[0]],
        ['IRCP', 'Organization', WARRANT.doctors[1]],
        ['CST', 'Organization', WARRANT.hospital],
      ],
    )
    assert.deepEqual(
      [0, 1, 2].map((i) => at(shown, `provision.class.${i}`)),
      [
        { system: 'https://trusthealth.example/fhir/ehr-type', code: 'lab' },
        { system: 'https://trusthealth.example/fhir/ehr-type', code: 'medicine' },
        undefined,
      ],
    )
  })

  it('makes a resource that reads and indexes as a consent', () => {
    const index = extractIndex(parseResource(JSON.stringify(consent())))
    assert.equal(index.ehrType, 'consent')
    assert.equal(index.status, 'active')
    // By identifier only: a pseudonym is not a literal reference.
    assert.equal(index.subjectReference, undefined)
  })

  it('refuses a time that FHIR cannot write', () => {
    assert.throws(() => warrantToConsent({ ...WARRANT, notAfterMs: Number.NaN }, { status: 'active' }), RangeError)
  })
})

describe('consentToWarrant', () => {
  it('inverts warrantToConsent, through JSON', () => {
    fc.assert(
      fc.property(
        anyWarrant,
        fc.constantFrom('active' as const, 'inactive' as const),
        fc.option(fc.nat(), { nil: undefined }),
        (warrant, status, signedMs) => {
          const details = signedMs === undefined ? { status } : { status, signedMs }
          const text = JSON.stringify(warrantToConsent(warrant, details))
          assert.deepEqual(consentToWarrant(parseResource(text)), { warrant, details })
        },
      ),
    )
  })

  it('takes partial dates as all of them, and elements that permit nothing', () => {
    const drafted = {
      ...consent('provision.period', { start: '2026-11', end: '2026-12-01' }),
      id: 'c1',
      meta: { versionId: '1' },
      text: { status: 'generated', div: '<div/>' },
    }
    const { warrant } = consentToWarrant(drafted)
    assert.equal(warrant.notBeforeMs, Date.parse('2026-11-01T00:00:00Z'))
    assert.equal(warrant.notAfterMs, Date.parse('2026-12-01T23:59:59.999Z'))
  })

  const scope = at(consent(), 'scope.coding.0')
  const actions = at(consent(), 'provision.action') as unknown[]
  const kinds = at(consent(), 'provision.class') as unknown[]
  const extension = at(consent(), 'extension.0')
  const identifier = at(consent(), 'identifier.0')
  const [doctor, second, hospital] = at(consent(), 'provision.actor') as unknown[]

  refuses('another resource', 'resourceType', 'Contract')
  refuses('a draft', 'status', 'draft')
  refuses('no status', 'status')
  refuses('another scope', 'scope.coding.0.code', 'research')
  refuses('a second scope', 'scope.coding', [scope, { system: 'x', code: 'research' }])
  refuses('another policy', 'policyRule.coding.0.code', 'OPTOUT')
  refuses('no policy', 'policyRule')
  refuses('a modifier extension', 'modifierExtension', [{ url: 'x' }])
  refuses('implicit rules', 'implicitRules', 'https://x')
  refuses('an unknown extension', 'extension', [extension, { url: 'x', valueString: 'y' }])
  refuses('an aux that is no text', 'extension.0.valueString', 1)
  refuses('no provision', 'provision')
  refuses('a provision that denies', 'provision.type', 'deny')
  refuses('a provision without type', 'provision.type')
  refuses('an exception inside', 'provision.provision', [{ type: 'deny' }])
  refuses('a purpose', 'provision.purpose', [{ code: 'HMARKT' }])
  refuses('a security label', 'provision.securityLabel', [{ code: 'R' }])
  refuses('a code filter', 'provision.code', [{ text: 'x' }])
  refuses('a data period', 'provision.dataPeriod', { start: '2020' })
  refuses('single data', 'provision.data', [{ meaning: 'instance', reference: { reference: 'X/1' } }])
  refuses('a modifier on the provision', 'provision.modifierExtension', [{ url: 'x' }])
  refuses('no period', 'provision.period')
  refuses('an open end', 'provision.period.end')
  refuses('an open start', 'provision.period.start')
  refuses('an end before the start', 'provision.period.end', '2020')
  refuses('a period that is no date', 'provision.period.end', 'soon')
  refuses('fewer actions', 'provision.action', actions.slice(1))
  refuses('more actions', 'provision.action', [...actions, actions[0]])
  refuses('other actions', 'provision.action.0.coding.0.code', 'disclose')
  refuses('an action twice', 'provision.action.0', actions[1])
  refuses('an action of another system', 'provision.action.0.coding.0.system', 'x')
  refuses('no classes, which FHIR reads as all', 'provision.class')
  refuses('empty classes', 'provision.class', [])
  refuses('an unknown kind', 'provision.class.0.code', 'everything')
  refuses('a kind of another system', 'provision.class.0.system', 'http://hl7.org/fhir/resource-types')
  refuses('a kind twice', 'provision.class.0', kinds[1])
  refuses('every kind and one', 'provision.class.0.code', '*')
  refuses('no doctor', 'provision.actor', [hospital])
  refuses('17 doctors', 'provision.actor', [...Array.from({ length: 17 }, () => doctor), hospital])
  refuses('no hospital', 'provision.actor', [doctor, second])
  refuses('two hospitals', 'provision.actor', [doctor, hospital, hospital])
  refuses('another role', 'provision.actor.0.role.coding.0.code', 'PRCP')
  refuses('a modifier on an actor', 'provision.actor.0.modifierExtension', [{ url: 'x' }])
  refuses('an actor by literal reference', 'provision.actor.0.reference', { reference: 'Practitioner/1' })
  refuses('a patient by literal reference', 'patient', { reference: 'Patient/1' })
  refuses('a patient of another system', 'patient.identifier.system', 'urn:mrn')
  refuses('no patient', 'patient')
  refuses('no id', 'identifier')
  refuses('two ids', 'identifier', [identifier, identifier])
  refuses('an empty id', 'identifier.0.value', '')
  refuses('a signing time that is no date', 'dateTime', 'now')

  it('takes 16 doctors', () => {
    const actor = [...Array.from({ length: 16 }, () => doctor), hospital]
    assert.equal(consentToWarrant(consent('provision.actor', actor)).warrant.doctors.length, 16)
  })

  it('throws nothing but FhirError, whatever a part of it is', () => {
    const paths = ['status', 'scope', 'patient', 'identifier', 'policyRule', 'provision', 'extension', 'dateTime']
    const inner = ['type', 'period', 'actor', 'action', 'class'].map((name) => `provision.${name}`)
    fc.assert(
      fc.property(fc.constantFrom(...paths, ...inner), fc.jsonValue(), (path, value) => {
        try {
          consentToWarrant(consent(path, value))
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, 'FHIR_CONSENT_UNSUPPORTED')
        }
      }),
    )
  })
})
