/**
 * What a hospital's service tells the trusted application: its doctors, its patients, their treatment keys.
 * Spec: docs/protocol/02-registration.md §2.4.
 *
 * @module
 */
import { label } from '../../../../shared/crypto/src/index.ts'
import {
  bool,
  bytes,
  encodeCbor,
  literal,
  optional,
  patientRefShape,
  practitionerRefShape,
  struct,
  text,
  uint,
  type HospitalRef,
  type PatientRef,
} from '../../../../shared/protocol/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import { actorEntry, command, patientNeeds, patientOf, type Call } from './call.ts'
import { indexOf } from './participants.ts'

const nameShape = text({ min: 1, max: 200 })
const PROVISIONED = label('ta-provisioned')

export const PROVISION_COMMANDS = {
  'practitioner.provision': command(
    struct({
      cmd: literal('practitioner.provision'),
      ref: practitionerRefShape,
      name: nameShape,
      department: text({ max: 200 }),
      emergency: bool(),
    }),
    {
      who: ['organization'],
      // Doctors are named right after they were registered: what is remembered does not have them yet.
      needs: (_vault, client) => ({ organizations: [client.mspId], fresh: true }),
      run(call, { ref, name, department, emergency }) {
        const { vault, actor, facts, nowMs } = call
        // A hospital names its own doctors only.
        const doctor = indexOf(facts.organization(actor.mspId)).participants.get(ref)
        if (doctor?.kind !== 'doctor') throw new TrustedApplicationError('PARTICIPANT_UNKNOWN')
        vault.practitioners.put({ ref, hospital: actor.ref, name, department, emergency, changedMs: nowMs })
        const digest = vault.crypto.sha256(PROVISIONED, encodeCbor([ref, name, department, emergency]))
        vault.log({ t: 'provision', ...actorEntry(call), digest })
        call.reply({})
      },
    },
  ),

  'patient.provision': command(
    struct({
      cmd: literal('patient.provision'),
      patient: patientRefShape,
      version: uint({ min: 1 }),
      ptk: bytes({ length: 32 }),
      name: optional(nameShape),
    }),
    {
      who: ['organization'],
      needs: (_vault, client, { patient }) => patientNeeds(client, [patient]),
      run: provisionPatient,
    },
  ),

  'patient.rekey': command(
    struct({
      cmd: literal('patient.rekey'),
      patient: patientRefShape,
      version: uint({ min: 2 }),
      ptk: bytes({ length: 32 }),
    }),
    {
      who: ['organization'],
      needs: (_vault, client, { patient }) => patientNeeds(client, [patient]),
      subject: (_vault, _client, { patient }) => ({ patient }),
      run: rekeyPatient,
    },
  ),
}

interface ProvisionInput {
  readonly patient: PatientRef
  readonly version: number
  readonly ptk: Uint8Array
  readonly name?: string
}

/** Repeating it with the same key changes the name at most. */
function provisionPatient(call: Call, { patient: ref, version, ptk, name }: ProvisionInput): void {
  const { vault, actor, nowMs } = call
  checkOwnPatient(call, ref)
  const known = vault.patients.find(ref)
  if (known !== undefined) {
    if (version !== known.keyVersion || !vault.treatmentKeys.matches(known, version, ptk)) {
      throw new TrustedApplicationError('TREATMENT_KEY_VERSION')
    }
    if (name !== undefined && name !== known.name) vault.patients.update(known, { name })
    call.reply({})
    return
  }
  const hospital = actor.ref as HospitalRef
  const { mspId } = actor
  const added = vault.patients.add({ ref, hospital, mspId, name: name ?? null, keyVersion: version, createdMs: nowMs })
  vault.treatmentKeys.add(added, version, ptk)
  vault.log({ t: 'provision', ...actorEntry(call), patient: ref, version })
  call.reply({})
}

function rekeyPatient(call: Call, { patient: ref, version, ptk }: ProvisionInput): void {
  const { vault } = call
  checkOwnPatient(call, ref)
  const patient = patientOf(call, ref)
  if (version === patient.keyVersion && vault.treatmentKeys.matches(patient, version, ptk)) {
    call.reply({ version })
    return
  }
  if (version !== patient.keyVersion + 1) throw new TrustedApplicationError('TREATMENT_KEY_VERSION')
  vault.treatmentKeys.add(patient, version, ptk)
  const rekeyed = vault.patients.update(patient, { keyVersion: version })
  vault.rewraps.add(rekeyed)
  vault.log({ t: 'rekey', ...actorEntry(call), patient: ref, version })
  call.reply({ version })
}

/** The ledger says whose patient it is. @throws {TrustedApplicationError} `PATIENT_NOT_FOUND`, `ACCESS_DENIED` */
export function checkOwnPatient({ actor, facts }: Call, ref: PatientRef): void {
  const policy = facts.policyOf(ref)
  if (policy.status === 'unknown') throw new TrustedApplicationError('PATIENT_NOT_FOUND')
  if (!policy.hospitals.some((hospital) => hospital === actor.ref)) throw new TrustedApplicationError('ACCESS_DENIED')
  if (policy.suspended.some((suspended) => suspended === actor.ref)) {
    throw new TrustedApplicationError('PARTICIPANT_SUSPENDED')
  }
}
