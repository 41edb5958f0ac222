/**
 * Bob's first visit on a practice system: he allows Dr Alice Martin to see him for a week, and she stores one blood
 * test. The way every real record goes, so that the first commands a person tries have something to show.
 *
 * @module
 */
import { encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { DoctorClient } from '../../../sdk/src/doctor.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import { participantOptions } from '../connection.ts'
import type { Context } from '../context.ts'
import { findIdentity } from '../identities.ts'
import type { PracticePlace } from '../import/practice-patients.ts'

const DAY_MS = 86_400_000
const VISIT_DAYS = 7

export async function storeFirstVisit(
  context: Context,
  { consortium, system, hospital }: PracticePlace,
  people: { readonly patient: string; readonly doctor: string },
): Promise<void> {
  const { state, crypto, clock } = context
  const optionsOf = (name: string) => participantOptions(context, findIdentity(state, crypto, name), consortium, system)
  const patient = new PatientClient(optionsOf(people.patient))
  const doctor = new DoctorClient(optionsOf(people.doctor))
  try {
    const nowMs = clock.nowMs()
    const { warrant } = await patient.issueWarrant({
      doctors: [doctor.ref],
      hospital: hospital.ref,
      fromMs: nowMs - 60_000,
      untilMs: nowMs + VISIT_DAYS * DAY_MS,
      scope: ['*'],
    })
    await doctor.store({ patient: patient.ref, warrant, ehr: encodeUtf8(JSON.stringify(bloodTest(nowMs))) })
  } finally {
    patient.close()
    doctor.close()
  }
}

function bloodTest(nowMs: number): object {
  const coding = (system: string, code: string, display: string) => [{ system, code, display }]
  return {
    resourceType: 'Observation',
    status: 'final',
    category: [
      {
        coding: coding('http://terminology.hl7.org/CodeSystem/observation-category', 'laboratory', 'Laboratory'),
      },
    ],
    code: { coding: coding('http://loinc.org', '59261-8', 'Hemoglobin A1c/Hemoglobin.total in Blood'), text: 'HbA1c' },
    effectiveDateTime: new Date(nowMs).toISOString(),
    valueQuantity: { value: 47, unit: 'mmol/mol', system: 'http://unitsofmeasure.org', code: 'mmol/mol' },
    referenceRange: [{ high: { value: 42, unit: 'mmol/mol', system: 'http://unitsofmeasure.org', code: 'mmol/mol' } }],
    interpretation: [
      { coding: coding('http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', 'H', 'High') },
    ],
  }
}
