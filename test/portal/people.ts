/**
 * What happens outside of the browser in these tests: staff book, a doctor writes.
 *
 * @module
 */
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import { encodeUtf8 } from '../../shared/crypto/src/index.ts'
import type { PatientRef } from '../../shared/protocol/src/index.ts'
import type { TestWorld } from '../../testkit/src/world/index.ts'

const DAY_MS = 86_400_000

export async function findPatientRef(world: TestWorld, name: string): Promise<PatientRef> {
  const staff = world.hospital('a')
  const found = (await staff.options.hospital.patients(staff.requestSigner)).find((one) => one.name === name)
  if (found === undefined) throw new Error(`${name} is not registered`)
  return found.ref
}

/** An appointment in three days: the patient is asked for a permission. */
export async function book(world: TestWorld, patient: PatientRef, doctor: Pick<DoctorClient, 'ref'>): Promise<void> {
  const { options, requestSigner } = world.hospital('a')
  const fromMs = world.clock.nowMs() + 3 * DAY_MS
  await options.hospital.assign(requestSigner, {
    patient,
    department: 'Cardiology',
    fromMs,
    symptoms: '',
    aux: '',
    doctors: [doctor.ref],
  })
}

/** Under the newest permission that names the doctor. */
export async function write(doctor: DoctorClient, patient: PatientRef, ...resources: readonly object[]) {
  const held = (await doctor.warrants()).find((one) => one.patient === patient)
  if (held === undefined) throw new Error('no permission names this doctor')
  const stored = []
  for (const resource of resources) {
    const ehr = encodeUtf8(JSON.stringify(resource))
    stored.push(await doctor.store({ patient, warrant: held.jws, ehr }))
  }
  return stored
}

const coding = (system: string, code: string, display: string) => [{ system, code, display }]

export function labResult(value: number, date: string, note?: string): object {
  const quantity = { unit: 'mmol/mol', system: 'http://unitsofmeasure.org', code: 'mmol/mol' }
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: coding('http://terminology.hl7.org/CodeSystem/observation-category', 'laboratory', 'Laboratory') },
    ],
    code: { coding: coding('http://loinc.org', '59261-8', 'HbA1c'), text: 'HbA1c' },
    effectiveDateTime: date,
    valueQuantity: { value, ...quantity },
    referenceRange: [{ low: { value: 20, ...quantity }, high: { value: 42, ...quantity } }],
    ...(note === undefined ? {} : { note: [{ text: note }] }),
  }
}

export function medicine(): object {
  return {
    resourceType: 'MedicationRequest',
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: { text: 'Metformin 500 mg' },
    subject: {},
    authoredOn: '2026-11-14',
    dosageInstruction: [{ text: 'One tablet twice a day with meals' }],
  }
}

export function bloodPressure(systolic = 142, diastolic = 88, date = '2026-11-14T08:00:00Z'): object {
  const part = (text: string, code: string, value: number, high: number) => ({
    code: { coding: coding('http://loinc.org', code, `${text} blood pressure`), text },
    valueQuantity: { value, unit: 'mmHg', code: 'mm[Hg]' },
    referenceRange: [{ high: { value: high } }],
  })
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: coding('http://terminology.hl7.org/CodeSystem/observation-category', 'vital-signs', 'Vital signs') },
    ],
    code: { coding: coding('http://loinc.org', '85354-9', 'Blood pressure'), text: 'Blood pressure' },
    effectiveDateTime: date,
    component: [part('Systolic', '8480-6', systolic, 130), part('Diastolic', '8462-4', diastolic, 85)],
  }
}

export function condition(): object {
  return {
    resourceType: 'Condition',
    clinicalStatus: {
      coding: coding('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active', 'Active'),
    },
    code: { text: 'Type 2 diabetes' },
    subject: {},
    onsetDateTime: '2024',
    note: [{ text: 'Controlled with diet and metformin.' }],
  }
}

const NOTE = 'Bob feels well. No chest pain. Continue metformin. Next visit in three months.'

export function visitNote(text = NOTE): object {
  return {
    resourceType: 'DocumentReference',
    status: 'current',
    type: { text: 'Visit note' },
    subject: {},
    date: '2026-11-14T09:00:00Z',
    content: [
      { attachment: { contentType: 'text/plain', title: 'Visit note', data: Buffer.from(text).toString('base64') } },
    ],
  }
}

/** On every hospital's list of results that ask before they open. */
export function pathologyReport(conclusion: string): object {
  return {
    resourceType: 'DiagnosticReport',
    status: 'final',
    code: { coding: coding('http://loinc.org', '22637-3', 'Pathology report'), text: 'Pathology report' },
    subject: {},
    effectiveDateTime: new Date().toISOString(),
    conclusion,
  }
}
