/** A doctor stores a result under a patient's permission, and corrects it. */
import { encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import type { DoctorClient, StoredRecord } from '../src/index.ts'

/** @returns the corrected version, with its receipt. */
export async function storeAndCorrect(
  doctor: DoctorClient,
  patient: Parameters<DoctorClient['warrantFor']>[0],
): Promise<StoredRecord> {
  const { jws } = await doctor.warrantFor(patient)
  const stored = await doctor.store({ patient, warrant: jws, ehr: bloodPressure(120) })
  const answer = await doctor.read(stored.recordId)
  return await doctor.correct(answer, patient, bloodPressure(128), jws)
}

function bloodPressure(systolic: number): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8480-6', display: 'Systolic blood pressure' }] },
      valueQuantity: { value: systolic, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
    }),
  )
}
