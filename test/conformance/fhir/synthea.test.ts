/**
 * The synthetic patients of data/synthea: unchanged since they were made, read, split, linked to their patient, indexed.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { extractIndex, linkBundle, NdjsonSplitter, parseResource, splitBundle } from '../../../shared/fhir/src/index.ts'

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../../../data/synthea')

function read(name: string): Buffer {
  return gunzipSync(readFileSync(join(FOLDER, `${name}.gz`)))
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}

const sums = readFileSync(join(FOLDER, 'SHA256SUMS'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('  ') as [string, string])
const bundles = sums.map(([, name]) => name).filter((name) => name.endsWith('.json'))
const bulk = sums.map(([, name]) => name).filter((name) => name.endsWith('.ndjson'))

describe('data/synthea', () => {
  it('is as it was generated, and all of it is listed', () => {
    for (const [sum, name] of sums) assert.equal(createHash('sha256').update(read(name)).digest('hex'), sum, name)
    const files = [...readdirSync(FOLDER), ...readdirSync(join(FOLDER, 'bulk')).map((name) => `bulk/${name}`)]
    assert.deepEqual(files.filter((name) => name.endsWith('.gz')).sort(), sums.map(([, name]) => `${name}.gz`).sort())
  })

  it('has 12 patients, and each record of their Bundles finds its patient', () => {
    const types: Record<string, number> = {}
    const withoutPatient: Record<string, number> = {}
    const kinds: Record<string, number> = {}
    const patients = new Set<string>()
    for (const name of bundles) {
      const text = read(name).toString('utf8')
      const linked = linkBundle(splitBundle(text))
      assert.equal(linked.type, name.startsWith('patient-') ? 'transaction' : 'batch')
      assert.equal(linked.patients.length, name.startsWith('patient-') ? 1 : 0)
      for (const patient of linked.patients) patients.add(patient)
      for (const { entry, resource, patient } of linked.entries) {
        assert.deepEqual(parseResource(entry.resourceText as string), resource)
        const index = extractIndex(resource)
        count(types, resource.resourceType)
        count(kinds, index.ehrType)
        if (patient === undefined) count(withoutPatient, resource.resourceType)
        else assert.equal(patient, linked.patients[0])
      }
    }
    assert.equal(patients.size, 12)
    assert.deepEqual(types, {
      AllergyIntolerance: 19,
      CarePlan: 25,
      CareTeam: 25,
      Claim: 428,
      Condition: 179,
      Device: 20,
      DiagnosticReport: 389,
      DocumentReference: 274,
      Encounter: 274,
      ExplanationOfBenefit: 428,
      ImagingStudy: 9,
      Immunization: 88,
      Location: 50,
      Medication: 15,
      MedicationAdministration: 15,
      MedicationRequest: 154,
      Observation: 834,
      Organization: 49,
      Patient: 12,
      Practitioner: 49,
      PractitionerRole: 49,
      Procedure: 535,
      Provenance: 12,
      SupplyDelivery: 64,
    })
    assert.deepEqual(withoutPatient, {
      Location: 50,
      Medication: 15,
      Organization: 49,
      Practitioner: 49,
      PractitionerRole: 49,
    })
    assert.deepEqual(kinds, {
      allergy: 19,
      careplan: 50,
      condition: 179,
      document: 548,
      encounter: 274,
      imaging: 9,
      immunization: 88,
      lab: 268,
      medicine: 184,
      other: 1427,
      procedure: 537,
      'vital-signs': 413,
    })
  })

  it('has 2 more patients as NDJSON, whole or in chunks of 1,000 bytes', () => {
    const subjects: Record<string, number> = {}
    for (const name of bulk) {
      const bytes = read(name)
      const whole = new NdjsonSplitter()
      const lines = [...whole.push(bytes), ...whole.end()]
      const chunked = new NdjsonSplitter()
      const again: typeof lines = []
      for (let at = 0; at < bytes.length; at += 1000) again.push(...chunked.push(bytes.subarray(at, at + 1000)))
      assert.deepEqual([...again, ...chunked.end()], lines)
      for (const line of lines) {
        const resource = parseResource(Buffer.from(line.bytes).toString('utf8'))
        assert.equal(`bulk/${resource.resourceType}.ndjson`, name)
        count(subjects, extractIndex(resource).subjectReference ?? 'none')
      }
    }
    assert.deepEqual(subjects, {
      'Patient/94530f9d-546a-9d16-6413-4a93f34ac151': 1430,
      'Patient/aa7a03dd-90b6-b401-335f-a98498a7faf1': 192,
      none: 50,
    })
  })

  it('can be searched by the words of the clinical notes, which are base64 in the resource', () => {
    const { entries } = linkBundle(splitBundle(read('patient-01.json').toString('utf8')))
    const notes = entries.filter(({ resource }) => resource.resourceType === 'DocumentReference')
    assert.ok(notes.length > 0)
    for (const { resource } of notes) assert.ok(extractIndex(resource).narrativeText.includes('Chief Complaint'))
  })
})
