/**
 * What a patient asks of the worker. Answers are plain data; every record comes with the report of its checks.
 *
 * @module
 */
import {
  parseWarrant,
  recordIdShape,
  type Appointment,
  type GrantId,
  type HospitalRef,
  type Kid,
  type ParticipantRef,
  type PractitionerRef,
  type RecordId,
  type WarrantId,
} from '../../../../shared/protocol/src/index.ts'
import { checkListedDoctor } from '../../../sdk/src/directories.ts'
import type { EraseRequest } from '../../../sdk/src/hospital-answers/outbox.ts'
import type { AskedQuestion, NewQuestion } from '../../../sdk/src/hospital-answers/reviews.ts'
import { allItems, type Emergency } from '../../../sdk/src/participant.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import type { RecordItem } from '../../../sdk/src/record-answer.ts'
import { RecordReader, type ErasedRecord, type OpenedRecord } from '../session/opened-record.ts'
import type { WorkerContext } from '../session/worker-context.ts'
import { People, withTitle, type Doctor } from '../session/people.ts'
import { deviceFunctions } from './device-functions.ts'
import type { History } from './history.ts'
import type { DownloadProgress } from './download.ts'
import { isNews, isSensitive } from './news.ts'

/** One line of the list, with the author's name. */
export interface RecordLine extends RecordItem {
  readonly authorName: string
}

/** A record that was read and checked. */
export interface PatientRecord extends OpenedRecord {
  /** New, and of a kind that a person may want to hear about first: news.ts. */
  readonly asksFirst: boolean
}

/** A record that a hospital must keep. */
export interface KeptRecord {
  readonly hospital: string
  /** Unix ms, the first moment at which it may be erased. */
  readonly untilMs: number
}

/** A permission as a person reads it. */
export interface PermissionLine {
  readonly id: string
  readonly doctors: readonly { readonly ref: string; readonly name: string }[]
  readonly hospital: string
  readonly fromMs: number
  readonly untilMs: number
  readonly scope: readonly string[]
  readonly revokedMs: number | undefined
  /** Whether it is in the shared ledger. */
  readonly isRecorded: boolean
}

/** Access that was given. */
export interface GrantLine {
  readonly id: string
  readonly grantee: { readonly ref: string; readonly name: string }
  readonly scope: readonly string[]
  readonly purpose: string
  readonly records: readonly string[]
  readonly except: readonly string[]
  readonly fromMs: number
  readonly untilMs: number
  readonly givenMs: number
  readonly revokedMs: number | undefined
}

/** An appointment, and whether a permission covers it. */
export interface AppointmentLine {
  readonly id: string
  readonly startMs: number
  readonly endMs: number
  readonly place: string
  readonly department: string
  readonly doctors: readonly { readonly ref: string; readonly name: string }[]
  readonly hospital: { readonly ref: string; readonly name: string }
  readonly isCovered: boolean
  /** When a doctor asked last for the permission. */
  readonly remindedMs?: number
}

export interface GiveTerms {
  readonly grantee: string
  readonly scope: readonly string[]
  readonly records: readonly string[]
  readonly except: readonly string[]
  readonly purpose: 'TREAT' | 'FAMRQT' | 'HRESCH'
  readonly untilMs: number
  /** The other hospital whose list names the grantee: the ledger is asked whether that is so. */
  readonly listedBy?: string
}

/** Doctors whom other hospitals list, and hospitals whose list is not there. */
export interface OtherDoctors {
  readonly doctors: readonly Doctor[]
  readonly missing: readonly { readonly name: string; readonly code: string }[]
}

export interface PermissionTerms {
  readonly doctors: readonly string[]
  readonly hospital: string
  readonly scope: readonly string[]
  readonly fromMs: number
  readonly untilMs: number
}

const MAX_HISTORY = 100
/** Entries of the access log in which doctors of other hospitals are looked for. */
const MAX_LOOKED = 100
/** Entries in which records that were opened in an emergency are counted. */
const MAX_COUNTED = 500

export function patientArea(context: WorkerContext) {
  const client = () => context.client(PatientClient)
  const people = new People(context)
  const reader = new RecordReader(client, people)

  const asksFirst = async ({ resource, recordId }: OpenedRecord): Promise<boolean> => {
    const facts = await context.facts().catch(async () => (await context.acting()).kept.facts)
    if (!isSensitive(resource, facts.sensitiveResults ?? [])) return false
    // Without an answer no visit is known: then it asks.
    const visits = await (await client()).appointments().catch(() => [])
    return isNews(resource, {
      // The record's id begins with the time at which its author prepared it.
      storedMs: Number.parseInt(recordId.slice(2, 14), 16),
      nowMs: context.clock.nowMs(),
      visitsEndedMs: visits.map(({ endMs }) => endMs),
    })
  }
  const withNews = async (opening: Promise<OpenedRecord>): Promise<PatientRecord> => {
    const opened = await opening
    return { ...opened, asksFirst: await asksFirst(opened) }
  }

  return {
    async records(
      cursor: string | undefined,
      limit: number,
    ): Promise<{ readonly items: readonly RecordLine[]; readonly cursor: string | undefined }> {
      const page = await (await client()).records({ limit, ...(cursor === undefined ? {} : { cursor }) })
      return { items: await linesOf(page.items, people), cursor: page.cursor }
    },

    /** Every record that is not erased: to choose from. */
    async recordChoices(): Promise<readonly RecordLine[]> {
      const bob = await client()
      const items: RecordItem[] = []
      for await (const item of allItems((cursor) => bob.records(cursor === undefined ? {} : { cursor }))) {
        if (item.erasedMs === undefined) items.push(item)
      }
      items.sort((a, b) => (b.dateMs ?? b.storedMs) - (a.dateMs ?? a.storedMs))
      return await linesOf(items, people)
    },

    async search(text: string): Promise<readonly RecordLine[]> {
      const bob = await client()
      const page = await bob.search({ patient: bob.ref, text, limit: 50 })
      return await linesOf(page.items, people)
    },

    // Not optional: after the last argument that is given comes the callback for progress.
    open: (record: string, version: number | undefined) => withNews(reader.open(record, version)),

    /** Reads it again and runs every check again. */
    checkAgain: (record: string, version: number | undefined) => withNews(reader.openAgain(record, version)),

    /** What stays of an erased record, read and checked anew. */
    erased: (record: string): Promise<ErasedRecord> => reader.erased(record),

    /** The record with its proofs, for `trusthealth record verify`. */
    recordFile: (record: string, version: number) => reader.file(record, version),

    /** FHIR JSON of a record that was opened, indented. */
    data: (record: string, version: number) => reader.data(record, version),

    /** Records of one kind, each read and checked. @param code of `codeKeyOf`. */
    async history(code: string): Promise<History> {
      const { historyOf } = await import('./history.ts')
      const bob = await client()
      const { items } = await bob.search({ patient: bob.ref, code, limit: MAX_HISTORY })
      const found = await Promise.allSettled(
        items.filter(({ erasedMs }) => erasedMs === undefined).map(({ record }) => withNews(reader.open(record))),
      )
      return historyOf(
        code,
        found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
      )
    },

    async versions(record: string) {
      const versions = await (await client()).versions(recordIdShape(record, 'record'))
      return await Promise.all(
        versions.map(async ({ version, author, storedMs, erasedMs }) => ({
          version,
          storedMs,
          erasedMs,
          authorName: await people.nameOf(author),
        })),
      )
    },

    /** Who must keep this version for some time yet, by the shared ledger; null: it may be erased. */
    async retention(record: string, version: number): Promise<KeptRecord | null> {
      const { commitment } = await reader.answer(record, version)
      const kept = await (await client()).retentionAt([commitment])
      if (kept === undefined) return null
      return { hospital: await people.organizationName(kept.organization), untilMs: kept.untilMs }
    },

    /** Destroys the record's key; `record` and `version` are what the person has seen. Tells the hospital if it asked. */
    async erase(record: string, version: number): Promise<void> {
      const bob = await client()
      const id = recordIdShape(record, 'record')
      await bob.erase(id, (await reader.answer(record, version)).commitment.ehrHash)
      reader.forget()
      await bob.tellErased(id)
    },

    /** What the hospital asks to be destroyed, and what waits for an answer. */
    eraseRequests: async (): Promise<readonly EraseRequest[]> => (await client()).openEraseRequests(),

    /** Says no: the record stays. */
    async keepAsked(id: string): Promise<void> {
      await (await client()).keepAsked(id)
    },

    async accessLog(cursor: string | undefined) {
      const bob = await client()
      const page = await bob.accessLog(bob.ref, { limit: 100, ...(cursor === undefined ? {} : { cursor }) })
      const entries = await Promise.all(
        page.entries.map(async (entry) => ({
          ...entry,
          name: entry.actor.startsWith('d-')
            ? withTitle(entry.actorName ?? (await people.nameOf(entry.actor)))
            : (entry.actorName ?? (await people.nameOf(entry.actor))),
          placeName: entry.place === undefined ? undefined : await people.nameOf(entry.place),
        })),
      )
      return { entries, cursor: page.cursor, own: bob.ref }
    },

    ask: async (question: NewQuestion): Promise<AskedQuestion> => {
      const { requestSigner, options } = await client()
      return await options.hospital.ask(requestSigner, question)
    },

    questions: async (): Promise<readonly AskedQuestion[]> => {
      const { requestSigner, options } = await client()
      return await options.hospital.questions(requestSigner)
    },

    /** With how many records were read under each, as far as the newest part of the access log tells. */
    async emergencies() {
      const bob = await client()
      const all = await bob.emergencies()
      // Without the log there are no numbers, and still the accesses.
      const counts = await recordsReadUnder(bob, all).catch((): ReadonlyMap<string, number> => new Map())
      return await Promise.all(
        all.map(async (one) => ({
          ...one,
          records: counts.get(one.emergency),
          doctorName: withTitle(one.doctorName ?? (await people.nameOf(one.doctor))),
          placeName: one.place === undefined ? undefined : await people.nameOf(one.place),
        })),
      )
    },

    async otherDoctors(): Promise<OtherDoctors> {
      const others = await people.others()
      return {
        doctors: others.flatMap(({ ref: listedBy, name: place, practitioners }) =>
          practitioners.map(({ ref, name, department }) => ({
            ref,
            name: withTitle(name),
            department,
            place,
            listedBy,
          })),
        ),
        missing: others.flatMap(({ name, problem: code }) => (code === undefined ? [] : [{ name, code }])),
      }
    },

    /** Whether the ledger has the doctor as one of the hospital that lists her. @returns the organisation. */
    checkListed: async (listedBy: string, doctor: string): Promise<string> =>
      await checkListedDoctor((await client()).options.ledger, listedBy as HospitalRef, doctor as PractitionerRef),

    /** Doctors to choose from: those of this hospital, then those of others who stand in the access log. */
    async doctors(): Promise<readonly Doctor[]> {
      const bob = await client()
      const own = await people.doctors()
      const { entries } = await bob.accessLog(bob.ref, { limit: MAX_LOOKED })
      const others = new Map<string, Doctor>()
      for (const { actor, actorName, place } of entries) {
        if (actorName === undefined || !actor.startsWith('d-') || own.some(({ ref }) => ref === actor)) continue
        others.set(actor, {
          ref: actor,
          name: withTitle(actorName),
          department: '',
          place: place === undefined ? '' : await people.nameOf(place),
        })
      }
      return [...own, ...others.values()]
    },

    async appointments(): Promise<readonly AppointmentLine[]> {
      const bob = await client()
      const [appointments, warrants] = await Promise.all([bob.appointments(), permissionsOf(bob, people)])
      const { facts } = (await context.acting()).kept
      return await Promise.all(
        appointments.map(async (one): Promise<AppointmentLine> => {
          const { appointmentId, startMs, endMs, place, department, doctors, remindedMs } = one
          return {
            id: appointmentId,
            startMs,
            endMs,
            place,
            department,
            doctors: await Promise.all(doctors.map(async (ref) => ({ ref, name: await people.nameOf(ref) }))),
            hospital: { ref: facts.hospital.ref, name: facts.hospital.name },
            isCovered: warrants.some((warrant) => covers(warrant, one)),
            ...(remindedMs === undefined ? {} : { remindedMs }),
          }
        }),
      )
    },

    permissions: async (): Promise<readonly PermissionLine[]> => permissionsOf(await client(), people),

    async allow(terms: PermissionTerms): Promise<{ readonly block: number }> {
      const { block } = await (
        await client()
      ).issueWarrant({
        doctors: terms.doctors as readonly PractitionerRef[],
        hospital: terms.hospital as HospitalRef,
        fromMs: terms.fromMs,
        untilMs: terms.untilMs,
        scope: terms.scope,
      })
      return { block }
    },

    async takePermissionBack(id: string): Promise<{ readonly block: number }> {
      const { block } = await (await client()).revokeWarrant(id as WarrantId)
      return { block }
    },

    async grants(): Promise<readonly GrantLine[]> {
      const grants = await (await client()).grants()
      return await Promise.all(
        grants.map(async ({ jti, grantee, scope, purpose, records, except, nbfMs, expMs, recordedMs, revokedMs }) => ({
          id: jti,
          grantee: { ref: grantee, name: await people.nameOf(grantee) },
          scope,
          purpose,
          records,
          except: except ?? [],
          fromMs: nbfMs,
          untilMs: expMs,
          givenMs: recordedMs,
          revokedMs: revokedMs ?? undefined,
        })),
      )
    },

    async give(terms: GiveTerms): Promise<{ readonly block: number }> {
      const bob = await client()
      const { listedBy, grantee } = terms
      if (listedBy !== undefined) {
        await checkListedDoctor(bob.options.ledger, listedBy as HospitalRef, grantee as PractitionerRef)
      }
      const { block } = await bob.giveAccess({
        grantee: grantee as ParticipantRef,
        scope: terms.scope,
        records: terms.records as readonly RecordId[],
        except: terms.except as readonly RecordId[],
        purpose: terms.purpose,
        untilMs: terms.untilMs,
      })
      return { block }
    },

    async takeBack(id: string): Promise<{ readonly block: number }> {
      const { block } = await (await client()).takeBack(id as GrantId)
      return { block }
    },

    async keysOnLedger() {
      const bob = await client()
      const own = bob.identity.signer.kid
      return (await bob.keys()).map((key) => ({ ...key, isThis: key.kid === own }))
    },

    async removeKey(kid: string): Promise<void> {
      await (await client()).removeKey(kid as Kid)
    },

    async downloadAll(report: (progress: DownloadProgress) => void): Promise<Blob> {
      const { downloadAll } = await import('./download.ts')
      return await downloadAll(context, report)
    },

    ...deviceFunctions(context),
  }
}

async function linesOf(items: readonly RecordItem[], people: People): Promise<readonly RecordLine[]> {
  return await Promise.all(items.map(async (item) => ({ ...item, authorName: await people.nameOf(item.author) })))
}

/** Permissions that the hospital keeps, with what the ledger says of each. */
async function permissionsOf(bob: PatientClient, people: People): Promise<readonly PermissionLine[]> {
  const [kept, onLedger] = await Promise.all([bob.warrants(), bob.recordedWarrants()])
  return await Promise.all(
    kept.map(async ({ jti, warrant }) => {
      const { payload } = parseWarrant(warrant)
      const recorded = onLedger.find((entry) => entry.jti === jti)
      return {
        id: jti,
        doctors: await Promise.all(payload.doctors.map(async (ref) => ({ ref, name: await people.nameOf(ref) }))),
        hospital: await people.nameOf(payload.hospital),
        fromMs: payload.nbf * 1000,
        untilMs: payload.exp * 1000,
        scope: payload.scope,
        revokedMs: recorded?.revokedMs ?? undefined,
        isRecorded: recorded !== undefined,
      }
    }),
  )
}

/** Distinct records by emergency access; one that is older than what is looked through has no number. */
async function recordsReadUnder(
  bob: PatientClient,
  emergencies: readonly Pick<Emergency, 'emergency' | 'openedMs'>[],
): Promise<ReadonlyMap<string, number>> {
  if (emergencies.length === 0) return new Map()
  const { entries, cursor } = await bob.accessLog(bob.ref, { limit: MAX_COUNTED })
  const fromMs = cursor === undefined ? 0 : (entries.at(-1)?.timeMs ?? 0)
  const read = entries.filter(({ kind, code }) => kind === 'read' && code === undefined)
  return new Map(
    emergencies
      .filter(({ openedMs }) => openedMs > fromMs)
      .map(({ emergency }) => {
        const under = read.filter(({ permission }) => permission === `emergency:${emergency}`)
        return [emergency, new Set(under.flatMap(({ records }) => records.map(({ record }) => record))).size]
      }),
  )
}

function covers(warrant: PermissionLine, { startMs, doctors }: Pick<Appointment, 'startMs' | 'doctors'>): boolean {
  return (
    warrant.revokedMs === undefined &&
    warrant.fromMs <= startMs &&
    warrant.untilMs > startMs &&
    doctors.every((doctor) => warrant.doctors.some(({ ref }) => ref === doctor))
  )
}
