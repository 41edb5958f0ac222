/**
 * What a doctor asks of the worker: the day, a patient's records, writing alone or in a group, emergency access. Answers
 * are plain data; every record comes with the report of its checks.
 *
 * @module
 */
import { encodeUtf8, decodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import {
  EMERGENCY_ATTRIBUTE,
  participantRecordShape,
  type PatientPolicy,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  appointmentIdShape,
  isErrorCode,
  patientRefShape,
  recordIdShape,
  recordIdTimeMs,
  type EmergencyId,
  type PatientRef,
} from '../../../../shared/protocol/src/index.ts'
import type { StoreOutcome } from '../../../sdk/src/author.ts'
import { DoctorClient, type ChainTurn } from '../../../sdk/src/doctor.ts'
import { ClientError, codeOf, isUnavailable } from '../../../sdk/src/errors.ts'
import type { AppointmentEntry } from '../../../sdk/src/hospital-answers/visits.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import type { RecordItem } from '../../../sdk/src/record-answer.ts'
import { parseForReading } from '../fhir/exact-json.ts'
import { isWrittenInError } from '../fhir/read.ts'
import { RecordReader } from '../session/opened-record.ts'
import { People } from '../session/people.ts'
import type { WorkerContext } from '../session/worker-context.ts'
import { browserDrafts, browserOutbox, type Outgoing } from './browser-store.ts'
import { Drafts } from './model/drafts.ts'
import type { EmergencyReasonCode } from './model/emergency.ts'
import { bannerOf, type BannerFacts } from './model/banner.ts'
import type { Correction } from './model/correction.ts'
import { groupStateOf, type GroupState } from './model/group.ts'
import { permissionOf, type PermissionState } from './model/permission.ts'
import { EMPTY_VISIT, type Visit } from './model/visit.ts'

/** One row of the day, or a patient without an appointment. */
export interface PatientRow {
  readonly patient: string
  readonly name: string
  /** By the hospital: a day, a month or a year. */
  readonly birthDate?: string
  readonly permission: PermissionState
  readonly appointment?: string
  readonly startMs?: number
  readonly place?: string
  /** When a doctor of the appointment asked last for the permission. */
  readonly remindedMs?: number
  /** A group's work that waits for this doctor. */
  readonly turn?: { readonly chainId: string; readonly place: number; readonly count: number }
  /** More than one doctor: the record is written in a group. */
  readonly isGroup: boolean
}

export interface Day {
  readonly rows: readonly PatientRow[]
  readonly others: readonly PatientRow[]
  /** The ledger answered; else permissions are unknown. */
  readonly isLedgerUp: boolean
}

export interface OutboxLine {
  readonly id: string
  readonly patient: string
  readonly name: string
  readonly signedMs: number
  readonly count: number
}

/** What became of one signed record. */
export interface SignedPart {
  readonly recordId: string
  readonly title: string
  readonly resourceType: string
  readonly block?: number
  readonly code?: string
}

/** Signed and kept here; nothing has answered yet. */
export interface Signing {
  readonly signedMs: number
}

export interface SignedVisit {
  readonly signedMs: number
  /** Unset: nothing answered; everything is kept encrypted here and sent again. */
  readonly recordedMs?: number
  readonly parts: readonly SignedPart[]
}

/** What may be corrected of a record that was read. */
export interface Correctable {
  readonly version: number
  /** When that version was stored, Unix ms; undefined: not known here. */
  readonly storedMs?: number
  /** What the form holds of it; undefined where it cannot hold it whole. */
  readonly correction?: Correction
  readonly canBeInError: boolean
}

export interface GroupWork {
  readonly chainId: string
  readonly patient: string
  readonly patientName: string
  readonly state: GroupState
  readonly names: Readonly<Record<string, string>>
  /** What the others wrote, in order. */
  readonly parts: readonly { readonly author: string; readonly resource: Readonly<Record<string, unknown>> }[]
  /** A part that does not stand: nothing may be added. */
  readonly fault?: { readonly code: string; readonly link: number }
}

export interface EmergencyLine {
  readonly id: string
  readonly patient: string
  readonly reason: string
  readonly openedMs: number
  readonly untilMs: number
}

/** What writing needs comes when somebody writes. */
const correcting = () => import('./model/correction.ts')
const writing = () => import('./model/visit-resources.ts')

const DAY_MS = 86_400_000

export function doctorArea(context: WorkerContext) {
  const client = () => context.client(DoctorClient)
  const people = new People(context)
  const reader = new RecordReader(client, people)
  const names = new Map<string, string>()
  const births = new Map<string, string>()

  const drafts = async () => new Drafts(browserDrafts, (await context.acting()).kept.id)

  async function rowsOf(): Promise<Day> {
    const alice = await client()
    const nowMs = context.clock.nowMs()
    const [appointments, delivered, turns] = await Promise.all([
      alice.appointments(),
      alice.options.hospital.warrants(alice.requestSigner),
      turnsOf(alice),
    ])
    const known = [...appointments.map((one) => ({ ...one, patient: one.patientRef })), ...delivered]
    for (const { patient, patientName, birthDate } of known) {
      names.set(patient, patientName)
      if (birthDate !== undefined) births.set(patient, birthDate)
    }
    const patients = [
      ...new Set([...appointments.map(({ patientRef }) => patientRef), ...delivered.map(({ patient }) => patient)]),
    ]
    const policies = await policiesOf(alice, patients)
    const row = (patient: PatientRef, appointment?: AppointmentEntry): PatientRow => {
      const policy = policies?.get(patient)
      const turn = turns.find((one) => one.patient === patient)
      const birthDate = births.get(patient)
      return {
        patient,
        name: names.get(patient) ?? patient,
        ...(birthDate === undefined ? {} : { birthDate }),
        permission: permissionOf(policy, alice.ref, nowMs),
        isGroup: isGroupOf(policy, alice.ref, nowMs) || (appointment?.doctors.length ?? 1) > 1,
        ...(appointment === undefined ? {} : visitOf(appointment)),
        ...(turn === undefined
          ? {}
          : { turn: { chainId: turn.chainId, place: turn.chain.links.length + 1, count: turn.count } }),
      }
    }
    const today = appointments
      .filter(({ startMs, endMs }) => endMs > nowMs - DAY_MS / 2 && startMs < nowMs + 14 * DAY_MS)
      .toSorted((a, b) => a.startMs - b.startMs)
    const booked = new Set(today.map(({ patientRef }) => patientRef))
    return {
      rows: today.map((one) => row(one.patientRef, one)),
      others: patients.filter((patient) => !booked.has(patient)).map((patient) => row(patient)),
      isLedgerUp: policies !== undefined,
    }
  }

  async function nameOf(patient: string): Promise<string> {
    if (!names.has(patient)) await rowsOf()
    return names.get(patient) ?? `${patient.slice(0, 10)}…`
  }

  async function warrantOf(patient: PatientRef): Promise<string> {
    return (await (await client()).warrantFor(patient)).jws
  }

  async function resourcesOf(patient: PatientRef, visit: Visit, startedMs: number, visitId: string) {
    const alice = await client()
    const { kept } = await context.acting()
    const { visitResources } = await writing()
    return visitResources(visit, {
      patient: { ref: patient, name: await nameOf(patient) },
      doctor: { ref: alice.ref, name: kept.name },
      hospital: { ref: kept.facts.hospital.ref, name: kept.facts.hospital.name },
      startedMs,
      endedMs: context.clock.nowMs(),
      visitId,
    })
  }

  /** Sends what was signed; it is kept first, so that it is not lost whatever happens on the way. */
  async function sendKept(
    outgoing: Outgoing,
    titles: readonly SignedPart[],
    report?: (signed: Signing) => void,
  ): Promise<SignedVisit> {
    const alice = await client()
    const { signedMs, prepared } = outgoing
    await browserOutbox.put(outgoing)
    report?.({ signedMs })
    try {
      const outcomes = await alice.sendMany(prepared)
      if (!outcomes.some(mayStillBeTaken)) await browserOutbox.remove(outgoing.id)
      return {
        signedMs,
        recordedMs: context.clock.nowMs(),
        parts: titles.map((part, i) => ({ ...part, ...outcomeOf(outcomes[i]) })),
      }
    } catch (error) {
      if (isUnavailable(error)) return { signedMs, parts: titles }
      await browserOutbox.remove(outgoing.id)
      throw error
    }
  }

  async function findTurn(chainId: string): Promise<ChainTurn> {
    const turn = (await (await client()).chainTurns()).find((one) => one.chainId === chainId)
    if (turn === undefined) throw new ClientError('RECORD_NOT_FOUND')
    return turn
  }

  return {
    day: rowsOf,

    async patient(ref: string): Promise<PatientRow & { readonly emergency: EmergencyLine | undefined }> {
      const patient = patientRefShape(ref, 'patient')
      const { rows, others } = await rowsOf()
      const row = [...rows, ...others].find((one) => one.patient === patient)
      const open = (await emergencies()).find((one) => one.patient === patient)
      return {
        ...(row ?? { patient, name: await nameOf(patient), permission: { state: 'waiting' }, isGroup: false }),
        emergency: open,
      }
    },

    async records(ref: string): Promise<readonly (RecordItem & { readonly authorName: string })[]> {
      const alice = await client()
      const patient = patientRefShape(ref, 'patient')
      const { items } = await alice.list(patient, { limit: 200 })
      return await Promise.all(items.map(async (item) => ({ ...item, authorName: await people.nameOf(item.author) })))
    },

    /** Asks the patient again for the permission; the hospital tells when they next look. */
    async remind(appointment: string): Promise<void> {
      await (await client()).remind(appointmentIdShape(appointment, 'appointment'))
    },

    /** For the banner: what the patient's own records say; a record that does not pass its checks says nothing. */
    async banner(ref: string): Promise<BannerFacts> {
      const alice = await client()
      const patient = patientRefShape(ref, 'patient')
      const resourcesOfType = async (resourceType: string, limit: number) => {
        const { items } = await alice.search({ patient, resourceType, limit })
        const living = items.filter(({ erasedMs }) => erasedMs === undefined)
        const opened = await Promise.all(living.map(({ record }) => reader.open(record)))
        return opened
          .filter(({ report }) => report.checks.every(({ result }) => result !== 'fail'))
          .map(({ resource }) => resource)
          .filter((resource) => !isWrittenInError(resource))
      }
      const [[person], allergies] = await Promise.all([
        resourcesOfType('Patient', 1),
        resourcesOfType('AllergyIntolerance', 20),
      ])
      return bannerOf(person, allergies)
    },

    // Not optional: after the last argument that is given comes the callback for progress.
    open: (record: string, version: number | undefined) => reader.open(record, version),

    async versions(record: string) {
      const versions = await (await client()).versions(recordIdShape(record, 'record'))
      return await Promise.all(versions.map(async (one) => ({ ...one, authorName: await people.nameOf(one.author) })))
    },

    checkAgain: (record: string) => reader.openAgain(record),
    recordFile: (record: string) => reader.file(record),

    /** Signs and sends everything of one visit under one signature. */
    async store(
      ref: string,
      visit: Visit,
      meta: { readonly startedMs: number; readonly visitId: string },
      report?: (signed: Signing) => void,
    ): Promise<SignedVisit> {
      const alice = await client()
      const patient = patientRefShape(ref, 'patient')
      const warrant = await warrantOf(patient)
      const resources = await resourcesOf(patient, visit, meta.startedMs, meta.visitId)
      const prepared = await Promise.all(
        resources.map(({ text }) => alice.prepare({ patient, ehr: encodeUtf8(text), warrant })),
      )
      const signedMs = context.clock.nowMs()
      const outgoing: Outgoing = {
        id: meta.visitId,
        owner: (await context.acting()).kept.id,
        patient,
        signedMs,
        prepared,
      }
      const titles = resources.map(({ title, resourceType }, i) => ({
        title,
        resourceType,
        recordId: prepared[i]?.recordId as string,
      }))
      return await sendKept(outgoing, titles, report)
    },

    /** What the form can change of the newest version. */
    async correctable(record: string): Promise<Correctable> {
      const { canBeInError, correctionOf } = await correcting()
      const { ehr, version } = await newestChecked(record)
      const text = decodeUtf8(ehr)
      const correction = correctionOf(text)
      const versions = await (await client()).versions(recordIdShape(record, 'record'))
      const storedMs = versions.find((one) => one.version === version)?.storedMs
      return {
        version,
        canBeInError: canBeInError(text),
        ...(storedMs === undefined ? {} : { storedMs }),
        ...(correction === undefined ? {} : { correction }),
      }
    },

    /**
     * Signs and sends the next version. @param version the one that the doctor has seen
     * @param change `in-error`: the record was never true of this patient
     */
    async correct(
      ref: string,
      record: string,
      version: number,
      change: Correction | 'in-error',
      report?: (signed: Signing) => void,
    ): Promise<SignedVisit> {
      const { corrected, writtenInError } = await correcting()
      const alice = await client()
      const patient = patientRefShape(ref, 'patient')
      const answer = await newestChecked(record)
      if (answer.version !== version) throw new ClientError('RECORD_VERSION_CONFLICT')
      const old = decodeUtf8(answer.ehr)
      const text = change === 'in-error' ? writtenInError(old) : corrected(old, change)
      const { recordId, commitment } = answer
      const prepared = await alice.prepare({
        patient,
        ehr: encodeUtf8(text),
        warrant: await warrantOf(patient),
        corrects: { record: recordId, version, ehrHash: commitment.ehrHash },
      })
      const { resourceType = '' } = JSON.parse(text) as { readonly resourceType?: string }
      const outgoing = {
        id: crypto.randomUUID(),
        owner: (await context.acting()).kept.id,
        patient,
        signedMs: context.clock.nowMs(),
        prepared: [prepared],
      }
      const signed = await sendKept(outgoing, [{ recordId, title: '', resourceType }], report)
      reader.forgetOne(recordId)
      return signed
    },

    async outbox(): Promise<readonly OutboxLine[]> {
      const all = await browserOutbox.of((await context.acting()).kept.id)
      return await Promise.all(
        all.map(async ({ id, patient, signedMs, prepared }) => ({
          id,
          patient,
          name: await nameOf(patient).catch(() => patient),
          signedMs,
          count: prepared.length,
        })),
      )
    },

    /**
     * Sends what waits. @returns how many visits were taken.
     * @throws {ClientError} with the code of the first record that was refused; what it was signed with stays here.
     */
    async sendWaiting(): Promise<number> {
      const alice = await client()
      let taken = 0
      let refusal: Error | undefined
      for (const { id, prepared } of await browserOutbox.of((await context.acting()).kept.id)) {
        try {
          const outcomes = await alice.sendMany(prepared)
          if (outcomes.some(mayStillBeTaken)) continue
          const refused = outcomes.find((outcome) => 'code' in outcome)
          if (refused !== undefined) throw new ClientError(refused.code)
        } catch (error) {
          if (isUnavailable(error)) return taken
          if (!(error instanceof Error)) throw error
          refusal ??= error
          continue
        }
        await browserOutbox.remove(id)
        taken++
      }
      if (refusal !== undefined) throw refusal
      return taken
    },

    drafts: async () => await (await drafts()).lines(),
    saveDraft: async (id: string, patient: string, visit: Visit): Promise<void> =>
      await (await drafts()).save(id, patient, visit, context.clock.nowMs()),
    loadDraft: async (id: string): Promise<Visit | undefined> => (await (await drafts()).load(id)) as Visit | undefined,
    removeDraft: async (id: string): Promise<void> => await (await drafts()).remove(id),

    /** Begins a group's work with this doctor's part. */
    async startGroup(ref: string, note: string): Promise<string> {
      const alice = await client()
      const patient = patientRefShape(ref, 'patient')
      return await alice.startChain(patient, await partOf(patient, note), await warrantOf(patient))
    },

    /** The work as it came, with every part checked. */
    async group(chainId: string): Promise<GroupWork> {
      const alice = await client()
      const turn = await findTurn(chainId)
      const { patient, chain } = turn
      let fault: GroupWork['fault']
      let doctors: readonly string[] = chain.links.map(({ author }) => author)
      try {
        doctors = await alice.checkTurn(turn)
      } catch (error) {
        const code = codeOf(error)
        if (code === undefined || isUnavailable(error)) throw error
        fault = { code, link: (error as { readonly link?: number }).link ?? 1 }
      }
      const named = await Promise.all(doctors.map(async (ref) => [ref, await people.nameOf(ref)] as const))
      const signed = chain.links.map(({ author, recordId }) => ({ author, writtenMs: recordIdTimeMs(recordId) }))
      return {
        chainId,
        patient,
        patientName: await nameOf(patient),
        state: groupStateOf(doctors, signed, alice.ref),
        names: Object.fromEntries(named),
        parts:
          fault === undefined
            ? chain.links.map(({ author, ehr }) => ({
                author,
                resource: parseForReading(decodeUtf8(ehr)) as Readonly<Record<string, unknown>>,
              }))
            : [],
        ...(fault === undefined ? {} : { fault }),
      }
    },

    /** Adds this doctor's part; the last one stores for all. @returns how many records were stored, 0 if it was passed on. */
    async addToGroup(chainId: string, note: string): Promise<number> {
      const alice = await client()
      const turn = await findTurn(chainId)
      await alice.checkTurn(turn)
      const stored = await alice.addToChain(turn, await partOf(turn.patient, note), await warrantOf(turn.patient))
      return stored?.receipts.length ?? 0
    },

    /** Whether this doctor may open records in an emergency, as the ledger says now. */
    async mayOpenEmergency(): Promise<boolean> {
      const alice = await client()
      const { value } = await readLedger(alice.options.ledger, 'participant', [alice.ref], participantRecordShape)
      return value.attributes[EMERGENCY_ATTRIBUTE] === 'true' && value.status === 'active'
    },

    async openEmergency(ref: string, reason: EmergencyReasonCode, text: string) {
      const patient = patientRefShape(ref, 'patient')
      const { emergency, untilMs } = await (await client()).openEmergency(patient, reason, text)
      const openedMs = context.clock.nowMs()
      await keepEmergencies([...(await emergencies()), { id: emergency, patient, reason, openedMs, untilMs }])
      return { id: emergency, untilMs }
    },

    async closeEmergency(id: string): Promise<void> {
      await (await client()).closeEmergency(id as EmergencyId)
      await keepEmergencies((await emergencies()).filter((one) => one.id !== id))
      reader.forget()
    },
  }

  /**
   * The newest version, read again and checked.
   * @throws {ClientError} with the code of the first check that failed: nothing is built on a text that was changed
   */
  async function newestChecked(record: string) {
    const { report, version } = await reader.openAgain(record)
    const failed = report.checks.find(({ result }) => result === 'fail')
    if (failed !== undefined) throw new ClientError(isErrorCode(failed.code) ? failed.code : 'RECORD_HASH_MISMATCH')
    return await reader.answer(record, version)
  }

  /** Those that this device opened and that have not ended; the record server decides at every request. */
  async function emergencies(): Promise<readonly EmergencyLine[]> {
    const { kept } = await context.acting()
    const all = ((await context.keys.find(kept.id))?.extra?.['emergencies'] ?? []) as readonly EmergencyLine[]
    return all.filter(({ untilMs }) => untilMs > context.clock.nowMs())
  }

  async function keepEmergencies(all: readonly EmergencyLine[]): Promise<void> {
    const { kept } = await context.acting()
    const { extra } = (await context.keys.find(kept.id)) ?? {}
    await context.keys.change(kept.id, { extra: { ...extra, emergencies: all } })
  }

  async function partOf(patient: PatientRef, note: string): Promise<Uint8Array> {
    const resources = await resourcesOf(patient, { ...EMPTY_VISIT, note }, context.clock.nowMs(), crypto.randomUUID())
    return encodeUtf8(resources.at(-1)?.text ?? '')
  }
}

/** `undefined`: the ledger does not answer. */
async function policiesOf(
  alice: DoctorClient,
  patients: readonly PatientRef[],
): Promise<ReadonlyMap<string, PatientPolicy> | undefined> {
  try {
    const all = await alice.policies(patients.slice(0, 256))
    return new Map(all.map((policy) => [policy.patientRef, policy]))
  } catch (error) {
    if (isUnavailable(error)) return undefined
    throw error
  }
}

/** Turns with the number of doctors; the first link's warrant names them. */
async function turnsOf(alice: DoctorClient) {
  const turns = await alice.chainTurns()
  const held = turns.length === 0 ? [] : await alice.warrants()
  return turns.map((turn) => {
    const first = turn.chain.links[0]?.warrant
    const warrant = held.find(({ jws }) => jws === first)?.warrant
    const count = warrant?.doctors.filter((ref) => ref.startsWith('d-')).length ?? turn.chain.links.length + 1
    return { chainId: turn.chainId, patient: turn.patient, chain: turn.chain, count }
  })
}

function visitOf({ appointmentId, startMs, place, remindedMs }: AppointmentEntry): Partial<PatientRow> {
  return { appointment: appointmentId, startMs, place, ...(remindedMs === undefined ? {} : { remindedMs }) }
}

function isGroupOf(policy: PatientPolicy | undefined, doctor: string, nowMs: number): boolean {
  return (policy?.warrants ?? []).some(
    ({ doctors, nbfMs, expMs, revokedMs }) =>
      revokedMs === null &&
      nbfMs <= nowMs &&
      nowMs < expMs &&
      doctors.filter((ref) => ref.startsWith('d-')).length > 1 &&
      doctors[0] === doctor,
  )
}

/** Whether sending the same again can help. */
function mayStillBeTaken(outcome: StoreOutcome): boolean {
  if (!('code' in outcome)) return false
  return (
    outcome.code === 'COMMITMENT_MISSING' || outcome.code === 'TEE_BUSY' || isUnavailable(new ClientError(outcome.code))
  )
}

function outcomeOf(outcome: StoreOutcome | undefined): { readonly block?: number; readonly code?: string } {
  if (outcome === undefined) return { code: 'TEE_FAULT' }
  return 'code' in outcome ? { code: outcome.code } : { block: outcome.place.block }
}
