/**
 * `patientPolicy`: everything that a decision about a patient's records needs, for many patients at once. Three reads
 * for each patient and one for each party. Spec: docs/protocol/07-ledger.md §7.2 and 08-access.md §8.2.
 *
 * @module
 */
import {
  type GrantEntry,
  MAX_POLICY_PATIENTS,
  type PatientPolicy,
  type PatientRegistration,
  stateKeys,
  type WarrantEntry,
} from '../../../../shared/ledger-model/src/index.ts'
import { list, type ParticipantRef, type PatientRef, patientRefShape } from '../../../../shared/protocol/src/index.ts'
import { jsonArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { find, toJson } from '../state.ts'

const patientsShape = list(patientRefShape, { min: 1, max: MAX_POLICY_PATIENTS })

interface Sanction {
  readonly suspended: boolean
  readonly flagged: boolean
}

interface Patient {
  readonly patientRef: PatientRef
  readonly registration: PatientRegistration | undefined
  readonly warrants: readonly WarrantEntry[]
  readonly grants: readonly GrantEntry[]
}

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function patientPolicy(call: ContractCall, patientsText: string): Promise<Outcome> {
  const refs = jsonArgument(patientsShape, 'patientRefs', patientsText)
  const patients = await Promise.all(refs.map((ref) => readPatient(call, ref)))
  const parties = new Set(patients.flatMap(partiesOf))
  const sanctions = new Map<ParticipantRef, Sanction>()
  await Promise.all(
    [...parties].map(async (ref) => {
      const sanction = await find<Sanction>(call.state, stateKeys.sanction(ref))
      if (sanction !== undefined) sanctions.set(ref, sanction)
    }),
  )
  return { result: toJson(patients.map((patient) => policyOf(patient, sanctions))) }
}

async function readPatient(call: ContractCall, patientRef: PatientRef): Promise<Patient> {
  const [registration, warrants, grants] = await Promise.all([
    find<PatientRegistration>(call.state, stateKeys.patient(patientRef)),
    find<WarrantEntry[]>(call.state, stateKeys.warrantsOf(patientRef)),
    find<GrantEntry[]>(call.state, stateKeys.grantsOf(patientRef)),
  ])
  return { patientRef, registration, warrants: warrants ?? [], grants: grants ?? [] }
}

function partiesOf({ registration, warrants, grants }: Patient): ParticipantRef[] {
  return [
    ...(registration?.hospitals ?? []),
    ...warrants.flatMap(({ doctors, hospital }) => [...doctors, hospital]),
    ...grants.map(({ grantee }) => grantee),
  ]
}

function policyOf(patient: Patient, sanctions: ReadonlyMap<ParticipantRef, Sanction>): PatientPolicy {
  const { patientRef, registration, warrants, grants } = patient
  if (registration === undefined) {
    return { patientRef, status: 'unknown', hospitals: [], keys: [], warrants: [], grants: [], suspended: [] }
  }
  const { status, hospitals, keys } = registration
  const suspended = [...new Set(partiesOf(patient))].filter((ref) => sanctions.get(ref)?.suspended === true).sort()
  return {
    patientRef,
    status,
    hospitals,
    keys,
    warrants,
    // A sanction of either kind suspends grants; warrants are for the appointment that both sides agreed on.
    grants: grants.map((grant) => ({ ...grant, suspended: sanctions.has(grant.grantee) })),
    suspended,
  }
}
