/**
 * One request in a session, on its way through: who asks, what the ledger says, what time it is, where the answer goes.
 *
 * @module
 */
import type { PatientRef, Shape } from '../../../../shared/protocol/src/index.ts'
import { decide, type AccessQuestion, type Actor, type Permission, type RecordFacts } from '../access/decide.ts'
import { MAX_LEDGER_LAG_MS } from '../access/decision-time.ts'
import type { LogEntry, OnBehalf } from '../audit/entry.ts'
import { TrustedApplicationError, type Refusal } from '../errors.ts'
import { Facts, type FactNeeds } from '../facts/queries.ts'
import type { Patient } from '../patients.ts'
import type { RecordRow } from '../records/record-rows.ts'
import type { Answer } from '../round.ts'
import type { ClientKind, SessionClient } from '../sessions/index.ts'
import type { Vault } from '../vault.ts'

/** Purpose of a read that states none. */
export const DEFAULT_PURPOSE = 'TREAT'

export interface Call {
  readonly vault: Vault
  readonly client: SessionClient
  /** The client as the ledger knows it now. */
  readonly actor: Actor
  /** For whom a hospital asks. */
  readonly by?: OnBehalf
  readonly facts: Facts
  /** Time of decisions, Unix ms. */
  readonly nowMs: number
  /** Ends the request; once. */
  readonly reply: (answer: Answer) => void
  readonly refuse: (refusal: Refusal, more?: Answer) => void
}

/** What a refused request was about, for the log. */
export interface Subject {
  readonly patient?: string
  readonly record?: string
}

/** Everything the trusted application knows about one command. */
export interface CommandRow {
  readonly who: readonly ClientKind[]
  readonly shape: Shape<unknown>
  /** Facts of the ledger that the command decides by; absent: it decides nothing. */
  readonly needs?: (vault: Vault, client: SessionClient, input: unknown) => FactNeeds
  /** A refusal of such a command is logged, with this. */
  readonly subject?: (vault: Vault, client: SessionClient, input: unknown) => Subject
  readonly run: (call: Call, input: unknown) => void
}

/** One row; `needs`, `subject` and `run` get the input as the shape makes it. */
export function command<I>(
  shape: Shape<I>,
  row: {
    readonly who: readonly ClientKind[]
    readonly needs?: (vault: Vault, client: SessionClient, input: I) => FactNeeds
    readonly subject?: (vault: Vault, client: SessionClient, input: I) => Subject
    readonly run: (call: Call, input: I) => void
  },
): CommandRow {
  return { shape, ...row } as CommandRow
}

export const EVERYBODY: readonly ClientKind[] = ['patient', 'practitioner', 'organization', 'auditor']
export const READERS: readonly ClientKind[] = ['patient', 'practitioner', 'organization']

/** The facts to decide about one patient; the client's organisation comes along. */
export function patientNeeds(client: SessionClient, patients: readonly string[], minHeight?: number): FactNeeds {
  return {
    patients,
    ...(client.kind === 'patient' ? {} : { organizations: [client.mspId] }),
    ...(minHeight === undefined ? {} : { minHeight }),
  }
}

/**
 * As `patientNeeds`, for a command that shows records. Whoever may have emergency access is asked for anew: the ledger
 * names suspended parties with the patient, but a doctor who has nothing but emergency access is no party.
 */
export function readNeeds(
  vault: Vault,
  client: SessionClient,
  patients: readonly string[],
  minHeight?: number,
): FactNeeds {
  const needs = patientNeeds(client, patients, minHeight)
  if (!client.emergency) return needs
  // A decision's time may be as much before our own clock (§8.2).
  const sinceMs = vault.now().unixMs - MAX_LEDGER_LAG_MS
  return vault.emergencies.hasOpen(client.ref, sinceMs) ? { ...needs, fresh: true } : needs
}

/** A question about one patient, or about one record of it. */
export function questionOf(call: Call, patient: PatientRef, purpose = DEFAULT_PURPOSE): AccessQuestion {
  const { vault, actor, facts, nowMs } = call
  const { reachedMs } = facts
  const known = vault.patients.find(patient)
  const isPossible = known !== undefined && actor.kind === 'practitioner'
  const emergency = isPossible ? vault.emergencies.findOpen(actor.ref, known.id, nowMs) : undefined
  return {
    actor,
    patient,
    purpose,
    nowMs,
    reachedMs,
    policy: facts.policyOf(patient),
    scopeOf: (hash) => vault.warrants.find(hash)?.warrant.scope,
    ...(emergency === undefined ? {} : { emergency: emergency.id }),
    ...(isPossible ? { emergencyEnd: () => vault.emergencies.findEnd(actor.ref, known.id) } : {}),
  }
}

export function recordFactsOf(row: RecordRow): RecordFacts {
  const { recordId, ehrType, dateMs, storedMs, stagedMs, hospital } = row
  return { recordId, ehrType, dateMs: dateMs ?? storedMs ?? stagedMs, hospital }
}

/** @throws {TrustedApplicationError} the refusal of §8.1. */
export function permit(question: AccessQuestion, record?: RecordFacts): Permission {
  const decision = decide(record === undefined ? question : { ...question, record })
  if (!decision.allowed) throw new TrustedApplicationError(decision.code)
  return decision.permission
}

/** Members of a log entry that say who did it and on what ground. */
export function actorEntry(
  call: Call,
  permission?: Permission,
): Pick<LogEntry, 'timeMs' | 'actor' | 'automatic' | 'by'> & {
  readonly place?: string
  readonly permission?: string
} {
  const { actor, nowMs, by } = call
  const place = actor.kind === 'patient' ? undefined : actor.hospitals[0]
  return {
    timeMs: nowMs,
    actor: actor.ref,
    ...(place === undefined ? {} : { place }),
    ...(permission === undefined ? {} : { permission: permissionText(permission) }),
    ...(by === undefined ? {} : { by }),
    ...(actor.kind === 'organization' && by?.kind !== 'person' ? { automatic: true } : {}),
  }
}

export function permissionText({ kind, id }: Permission): string {
  return id === undefined ? kind : `${kind}:${id}`
}

/** The patient of a command about one patient. @throws {TrustedApplicationError} `ACCESS_DENIED` if we have none such. */
export function patientOf(call: Call, ref: PatientRef): Patient {
  const patient = call.vault.patients.find(ref)
  if (patient === undefined) throw new TrustedApplicationError('ACCESS_DENIED')
  return patient
}
