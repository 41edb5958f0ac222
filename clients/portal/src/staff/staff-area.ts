/**
 * What a member of staff asks of the worker: the state of the house, people, appointments, imports, emergency accesses.
 * Requests are signed with the member's own key; staff hold no key of patients and open no session with the record server.
 *
 * @module
 */
import {
  isErrorCode,
  isPatientRef,
  parseJson,
  participantRefShape,
  patientRefShape,
  practitionerRefShape,
} from '../../../../shared/protocol/src/index.ts'
import { ClientError, isUnavailable } from '../../../sdk/src/errors.ts'
import type { RekeyState } from '../../../sdk/src/hospital-answers/devices.ts'
import type {
  DirectoryEntry,
  InvitationRequest,
  PatientEntry,
  WhoAmI,
} from '../../../sdk/src/hospital-answers/people.ts'
import type { AskedQuestion, ReviewedEmergency, Verdict } from '../../../sdk/src/hospital-answers/reviews.ts'
import type { HospitalSummary } from '../../../sdk/src/hospital-answers/status.ts'
import type { AppointmentEntry } from '../../../sdk/src/hospital-answers/visits.ts'
import { authorizationOf, type RequestSigner } from '../../../sdk/src/hospital-calls.ts'
import type { WorkerContext } from '../session/worker-context.ts'
import { exportFunctions } from './export-functions.ts'
import { ImportFile, readItems, type Answer, type FileProgress, type QueueItem } from './model/import-queue.ts'
import { codeOfOutcome, refusalOf } from './outcome.ts'
import { peopleFunctions } from './people-functions.ts'
import { systemFunctions } from './system-functions.ts'

/** Small, so that a lost answer leaves few lines in doubt. */
const LINES_A_BATCH = 20
const FHIR_PATH = '/fhir'
const MAX_ANSWER_BYTES = 8 * 2 ** 20

export interface ImportProgress extends FileProgress {
  readonly startedMs: number
  readonly nowMs: number
}

export interface AppointmentRow {
  readonly id: string
  readonly patientName: string
  readonly doctors: readonly string[]
  readonly startMs: number
  readonly place: string
  readonly department: string
}

export interface EmergencyRow extends ReviewedEmergency {
  readonly patientName: string
}

export interface QuestionRow extends AskedQuestion {
  readonly patientName: string
}

export function staffArea(context: WorkerContext) {
  let isStopped = false

  async function as(): Promise<RequestSigner> {
    const { identity } = await context.acting()
    return { ref: identity.ref, signer: identity.signer }
  }
  const api = () => context.hospital()

  return {
    ...peopleFunctions(context, as),
    ...systemFunctions(context, as),
    ...exportFunctions(context, as),
    whoAmI: async (): Promise<WhoAmI> => await api().whoAmI(await as()),
    summary: async (): Promise<HospitalSummary> => await api().summary(await as()),
    patients: async (): Promise<readonly PatientEntry[]> => await api().patients(await as()),
    doctors: async (): Promise<readonly DirectoryEntry[]> => await api().practitioners(await as()),

    async appointments(): Promise<readonly AppointmentRow[]> {
      const who = await as()
      const [all, doctors] = await Promise.all([api().appointments(who), api().practitioners(who)])
      const names = new Map<string, string>(doctors.map(({ ref, name }) => [ref, name]))
      return all.map((one: AppointmentEntry) => ({
        id: one.appointmentId,
        patientName: one.patientName,
        doctors: one.doctors.map((ref) => names.get(ref) ?? ref),
        startMs: one.startMs,
        place: one.place,
        department: one.department,
      }))
    },

    async invite(invitation: InvitationRequest): Promise<{ readonly code: string; readonly expiresMs: number }> {
      return await api().invite(await as(), invitation)
    },

    async book(wish: {
      readonly patient: string
      readonly doctors: readonly string[]
      readonly department: string
      readonly fromMs: number
      readonly symptoms: string
    }): Promise<{ readonly startMs: number; readonly place: string }> {
      const { startMs, place } = await api().assign(await as(), {
        patient: patientRefShape(wish.patient, 'patient'),
        doctors: wish.doctors.map((ref) => practitionerRefShape(ref, 'doctor')),
        department: wish.department,
        fromMs: wish.fromMs,
        symptoms: wish.symptoms,
        aux: '',
      })
      return { startMs, place }
    },

    /** This member has seen the identity of the patient or doctor; the second member who says so gets the code. */
    async newKey(person: string): Promise<RekeyState> {
      const ref = participantRefShape(person, 'person')
      return await api().confirmRekey(await as(), isPatientRef(ref) ? ref : practitionerRefShape(ref, 'doctor'))
    },

    async emergencies(): Promise<readonly EmergencyRow[]> {
      const who = await as()
      const [found, names] = await Promise.all([api().reviewedEmergencies(who), patientNames(who)])
      return found
        .map((one) => ({ ...one, patientName: names.get(one.patient) ?? one.patient }))
        .toSorted((a, b) => b.openedMs - a.openedMs)
    },

    /** Those that wait first, then the newest. */
    async questions(): Promise<readonly QuestionRow[]> {
      const who = await as()
      const [found, names] = await Promise.all([api().questions(who), patientNames(who)])
      return found
        .map((one) => ({ ...one, patientName: names.get(one.patient) ?? one.patient }))
        .toSorted((a, b) => Number(a.answer !== undefined) - Number(b.answer !== undefined) || b.askedMs - a.askedMs)
    },

    async answer(question: string, text: string): Promise<void> {
      await api().answerQuestion(await as(), question, text)
    },

    async review(emergency: string, verdict: Verdict, note: string): Promise<void> {
      await api().reviewEmergency(await as(), emergency, verdict, note)
    },

    /** Goes on where an earlier run of the same file stopped; resolves when the file is done, stopped, or a part is away. */
    async importFile(
      name: string,
      bytes: Uint8Array,
      kept: Pick<FileProgress, 'position' | 'stored' | 'refused'> | undefined,
      report?: (progress: ImportProgress) => void,
    ): Promise<ImportProgress> {
      isStopped = false
      const startedMs = context.clock.nowMs()
      const file = new ImportFile(name, readItems(name, bytes), kept)
      const now = (): ImportProgress => ({ ...file.progress, startedMs, nowMs: context.clock.nowMs() })
      report?.(now())
      for (;;) {
        const batch = file.nextBatch(LINES_A_BATCH)
        if (batch.length === 0 || isStopped) return now()
        file.settle(batch, await send(batch))
        report?.(now())
      }
    },

    stopImport(): Promise<void> {
      isStopped = true
      return Promise.resolve()
    },
  }

  /** Of those whom this member may see. */
  async function patientNames(who: RequestSigner): Promise<ReadonlyMap<string, string>> {
    const patients = await api()
      .patients(who)
      .catch((): readonly PatientEntry[] => [])
    return new Map(patients.map(({ ref, name }) => [ref, name]))
  }

  /** One batch through the hospital's FHIR service, which finds the patient of each resource and stores it. */
  async function send(batch: readonly QueueItem[]): Promise<readonly Answer[]> {
    const good = batch.flatMap((item) => ('text' in item ? [item] : []))
    if (good.length === 0) return []
    const entries = good.map(
      ({ resourceType, text }) => `{"resource":${text},"request":{"method":"POST","url":"${resourceType}"}}`,
    )
    const body = `{"resourceType":"Bundle","type":"batch","entry":[${entries.join(',')}]}`
    const authorization = await authorizationOf(context.crypto, context.clock, await as(), 'POST', FHIR_PATH, body)
    const headers = { 'content-type': 'application/fhir+json', accept: 'application/fhir+json', authorization }
    let answer: string
    let status: number
    try {
      const response = await fetch(location.origin + FHIR_PATH, { method: 'POST', headers, body, cache: 'no-store' })
      status = response.status
      answer = await response.text()
    } catch (cause) {
      throw new ClientError('SERVER_UNAVAILABLE', { cause })
    }
    const parsed = parseAnswer(answer)
    if (status !== 200) throw refusalOf(parsed)
    const answers = entriesOf(parsed).map(answerOf)
    if (answers.length !== good.length) throw new ClientError('MESSAGE_MALFORMED')
    // A part that is away stops the import; its lines are sent again when it goes on.
    const away = answers.find((one) => !one.ok && isUnavailable(one))
    if (away !== undefined && !away.ok && isErrorCode(away.code)) throw new ClientError(away.code)
    return answers
  }
}

function parseAnswer(answer: string): unknown {
  try {
    // FHIR numbers are decimals, which our strict reader does not take: only codes are looked at here.
    if (answer.length > MAX_ANSWER_BYTES) throw new ClientError('MESSAGE_MALFORMED')
    return JSON.parse(answer) as unknown
  } catch {
    return parseJson('{}', { maxBytes: 2 })
  }
}

interface ResponseEntry {
  readonly response?: { readonly status?: string; readonly outcome?: unknown }
}

function entriesOf(parsed: unknown): readonly ResponseEntry[] {
  const { entry } = (parsed ?? {}) as { readonly entry?: unknown }
  return Array.isArray(entry) ? (entry as readonly ResponseEntry[]) : []
}

function answerOf({ response }: ResponseEntry): Answer {
  if (/^20\d/.test(response?.status ?? '')) return { ok: true }
  return { ok: false, code: codeOfOutcome(response?.outcome) }
}
