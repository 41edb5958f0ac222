/**
 * Emergency access. Spec: docs/protocol/08-access.md §8.4.
 *
 * @module
 */
import { EMERGENCY_ATTRIBUTE, MAX_POLICY_PATIENTS } from '../../../../shared/ledger-model/src/index.ts'
import {
  emergencyIdShape,
  literal,
  newId,
  oneOf,
  optional,
  patientRefShape,
  struct,
  text,
  type CborValue,
  type EmergencyId,
  type HospitalRef,
  type PatientRef,
  type PractitionerRef,
} from '../../../../shared/protocol/src/index.ts'
import {
  EMERGENCY_REASONS,
  MAX_REASON_CHARACTERS,
  MIN_REASON_CHARACTERS,
  reasonDigest,
  reasonLength,
  type Emergency,
  type EmergencyReason,
} from '../access/emergencies.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { Patient } from '../patients.ts'
import type { SessionClient } from '../sessions/index.ts'
import type { Vault } from '../vault.ts'
import { actorEntry, command, patientNeeds, patientOf, permit, questionOf, type Call } from './call.ts'
import { indexOf } from './participants.ts'
import { checkOwnPatient } from './provision-commands.ts'

export const EMERGENCY_COMMANDS = {
  'emergency.open': command(
    struct({
      cmd: literal('emergency.open'),
      patient: patientRefShape,
      reason: oneOf(...EMERGENCY_REASONS),
      text: text({ max: MAX_REASON_CHARACTERS }),
    }),
    {
      who: ['practitioner'],
      needs: (_vault, client, { patient }) => ({ ...patientNeeds(client, [patient]), fresh: true }),
      subject: (_vault, _client, { patient }) => ({ patient }),
      run: open,
    },
  ),

  'emergency.close': command(struct({ cmd: literal('emergency.close'), emergency: emergencyIdShape }), {
    who: ['practitioner'],
    needs: (_vault, client) => ({ organizations: [client.mspId] }),
    run: close,
  }),

  'emergency.list': command(struct({ cmd: literal('emergency.list'), patient: optional(patientRefShape) }), {
    who: ['patient', 'organization'],
    needs: (vault, client, { patient }) => patientNeeds(client, listedPatients(vault, client, patient)),
    subject: (_vault, client, { patient }) =>
      patient === undefined && client.kind !== 'patient' ? {} : { patient: patient ?? client.ref },
    run: listEmergencies,
  }),
}

interface OpenInput {
  readonly patient: PatientRef
  readonly reason: EmergencyReason
  readonly text: string
}

function open(call: Call, { patient: ref, reason, text: why }: OpenInput): void {
  const { vault, actor, client, facts } = call
  const registered = indexOf(facts.organization(actor.mspId)).participants.get(actor.ref)
  const provisioned = vault.practitioners.find(actor.ref)
  // The certificate that opened the session, the registration, and the hospital's word if it gave one.
  const isAllowed =
    client.emergency &&
    registered?.attributes[EMERGENCY_ATTRIBUTE] === 'true' &&
    (provisioned === undefined || provisioned.emergency)
  if (!isAllowed || reasonLength(why) < MIN_REASON_CHARACTERS) {
    throw new TrustedApplicationError('EMERGENCY_NOT_ALLOWED')
  }
  const policy = facts.policyOf(ref)
  if (policy.suspended.some((suspended) => suspended === actor.ref)) {
    throw new TrustedApplicationError('PARTICIPANT_SUSPENDED')
  }
  const patient = patientOf(call, ref)
  const id = newId(vault.crypto, 'e')
  // By the time that a whole quorum has reached: one clock that is ahead does not make it longer.
  const { reachedMs } = facts
  const untilMs = reachedMs + vault.configuration.emergencyMs
  const logIndex = vault.log({
    t: 'emergency-open',
    ...actorEntry(call, { kind: 'emergency', id }),
    patient: ref,
    code: reason,
    digest: reasonDigest(vault.crypto, id, why),
  })
  const practitioner = actor.ref as PractitionerRef
  const emergency = { id, patient: patient.id, practitioner, reason, text: why, openedMs: reachedMs, untilMs }
  vault.emergencies.add({ ...emergency, closedMs: null, logIndex })
  vault.patients.update(patient, { emergencies: patient.emergencies + 1 })
  for (const notified of [ref, patient.hospital]) {
    vault.round.effect({ fx: 'notice', kind: 'emergency-open', ref: notified })
  }
  call.reply({ emergency: id, untilMs })
}

/** Closing twice changes nothing. */
function close(call: Call, { emergency: id }: { readonly emergency: EmergencyId }): void {
  const { vault, actor, nowMs } = call
  const emergency = vault.emergencies.find(id)
  if (emergency?.practitioner !== actor.ref) throw new TrustedApplicationError('ACCESS_DENIED')
  if (emergency.closedMs === null) {
    const patient = vault.patients.get(emergency.patient)
    vault.log({ t: 'emergency-close', ...actorEntry(call, { kind: 'emergency', id }), patient: patient.ref })
    vault.emergencies.close(emergency, nowMs)
  }
  call.reply({})
}

/** Of one patient; without one a patient means itself, and a hospital all of its patients with such accesses. */
function listedPatients(vault: Vault, client: SessionClient, patient: PatientRef | undefined): readonly string[] {
  if (patient !== undefined) return [patient]
  if (client.kind === 'patient') return [client.ref]
  return vault.emergencies.patientsOf(client.ref, MAX_POLICY_PATIENTS).map((id) => vault.patients.get(id).ref)
}

function listEmergencies(call: Call, { patient: asked }: { readonly patient?: PatientRef }): void {
  const { vault, client, actor } = call
  const refs = listedPatients(vault, client, asked) as readonly PatientRef[]
  // Without a patient a hospital gets those that the ledger says are its own, as it was asked about.
  const own = asked === undefined && actor.kind !== 'patient' ? refs.filter((ref) => isOwnPatient(call, ref)) : refs
  for (const ref of own) {
    patientOf(call, ref)
    if (actor.kind === 'patient') permit(questionOf(call, ref))
    else checkOwnPatient(call, ref)
  }
  const items: CborValue[] = []
  for (const ref of own) {
    const patient = patientOf(call, ref)
    items.push(...vault.emergencies.ofPatient(patient).map((emergency) => itemOf(call, patient, emergency)))
  }
  for (const ref of own) vault.log({ t: 'list', ...actorEntry(call), patient: ref })
  call.reply({ items })
}

function isOwnPatient({ facts, actor }: Call, ref: PatientRef): boolean {
  return facts.hasPolicyOf(ref) && facts.policyOf(ref).hospitals.some((hospital) => hospital === actor.ref)
}

function itemOf({ vault, nowMs }: Call, patient: Patient, emergency: Emergency): CborValue {
  const { id, practitioner, reason, text: why, openedMs, untilMs, closedMs, logIndex } = emergency
  const known = vault.practitioners.find(practitioner)
  const hospital = known?.hospital as HospitalRef | undefined
  return {
    emergency: id,
    patient: patient.ref,
    actor: practitioner,
    actorName: known?.name ?? '',
    ...(hospital === undefined ? {} : { place: hospital }),
    reason,
    text: why,
    openedMs,
    untilMs,
    ...(closedMs === null ? {} : { closedMs }),
    open: closedMs === null && nowMs < untilMs,
    logIndex,
  }
}
