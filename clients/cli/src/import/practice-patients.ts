/**
 * Practice patients: people whose keys are made here, because on one machine every role is played. Each gets an
 * identity file and signs the registration warrant with which the hospital keeps earlier records.
 *
 * @module
 */
import type { FhirResource } from '../../../../shared/fhir/src/index.ts'
import { isPatientRef, type PatientRef } from '../../../../shared/protocol/src/index.ts'
import type { HospitalClient } from '../../../sdk/src/hospital.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import { participantOptions } from '../connection.ts'
import type { Context } from '../context.ts'
import { findIdentity } from '../identities.ts'
import { registerPerson } from '../registration.ts'
import type { Consortium, HospitalEntry, SystemState } from '../system-file.ts'
import { patientFacts } from './targets.ts'

const DAY_MS = 86_400_000
const WARRANT_DAYS = 365

export interface PracticePlace {
  readonly consortium: Consortium
  readonly system: SystemState
  readonly hospital: HospitalEntry
  readonly staff: HospitalClient
}

export interface PracticePatient {
  readonly ref: PatientRef
  /** For `--as`. */
  readonly slug: string
  readonly name: string
}

export async function registerPracticePatient(
  context: Context,
  place: PracticePlace,
  facts: { readonly name: string; readonly birthDate?: string },
): Promise<PracticePatient> {
  const { system, hospital, staff, consortium } = place
  const { code } = await staff.invite({ kind: 'patient', ...facts, identityCheckedBy: 'practice' })
  const registered = await registerPerson(context, { system, hospital, name: facts.name, code, device: 'practice' })
  const who = findIdentity(context.state, context.crypto, registered.slug)
  const { ref } = who.identity
  if (!isPatientRef(ref)) throw new TypeError('not a patient')
  const client = new PatientClient(participantOptions(context, who, consortium, system))
  const now = context.clock.nowMs()
  await client.issueWarrant({
    doctors: [hospital.ref],
    hospital: hospital.ref,
    // A little back: clocks differ, and the records come at once.
    fromMs: now - 60_000,
    untilMs: now + WARRANT_DAYS * DAY_MS,
    scope: ['*'],
    aux: 'registration',
  })
  client.close()
  return { ref, slug: registered.slug, name: facts.name }
}

/** As `registerPracticePatient`, out of a Patient resource. */
export async function registerFromResource(
  context: Context,
  place: PracticePlace,
  resource: FhirResource,
): Promise<PracticePatient> {
  return await registerPracticePatient(context, place, patientFacts(resource))
}
