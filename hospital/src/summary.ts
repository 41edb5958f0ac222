/**
 * What the staff see first: today's work, whether every part answers, what waits, which certificates end soon.
 *
 * Limits: each part has two seconds to answer; an answer of the last two seconds is given again.
 *
 * @module
 */
import { decodeBase64url, parseCertificate } from '../../shared/crypto/src/index.ts'
import { isErrorCode, type EvidenceResult, type PatientRef } from '../../shared/protocol/src/index.ts'
import type { Emergency } from '../../clients/sdk/src/participant.ts'
import type { Appointments } from './appointments.ts'
import type { EmergencyReviews } from './emergency-reviews.ts'
import type { HospitalDatabase } from './database.ts'
import type { Questions } from './questions.ts'
import type { Registry } from './registry.ts'
import type { StaffRegistry } from './staff/staff-registry.ts'

const PART_MS = 2_000
const KEEP_MS = 2_000
const DAY_MS = 86_400_000
const SHOWN_BEFORE_MS = 60 * DAY_MS

export interface SummaryParts {
  readonly db: HospitalDatabase
  readonly registry: Registry
  readonly staff: StaffRegistry
  readonly appointments: Appointments
  readonly reviews: EmergencyReviews
  readonly questions: Pick<Questions, 'waiting'>
  readonly service: { readonly ref: string; readonly name: string; readonly chain: readonly Uint8Array[] }
  readonly ledger: {
    height(): Promise<number>
    block(number: number): Promise<{ readonly timeMs: number } | undefined>
  }
  /** Organisations whose nodes answer for the ledger. */
  readonly organizations: number
  readonly recordServer: { evidence(): Promise<EvidenceResult>; emergencies(): Promise<readonly Emergency[]> }
  /** What was taken and is not delivered. */
  readonly outbox: () => { readonly waiting: number; readonly oldestMs?: number }
}

export type PartState<T> = ({ readonly state: 'up' } & T) | { readonly state: 'down'; readonly code: string }

export interface Summary {
  readonly today: {
    readonly booked: number
    readonly permissionsMissing: number
    /** Absent: the record server does not say. */
    readonly emergenciesToReview?: number
    /** Of patients, without an answer. */
    readonly questionsWaiting: number
    readonly uploadsWaiting: number
  }
  readonly recordServer: PartState<{
    readonly tee: string
    readonly simulated: boolean
    readonly measurement: string
  }>
  readonly ledger: PartState<{ readonly height: number; readonly blockMs: number; readonly organizations: number }>
  readonly outbox: { readonly waiting: number; readonly oldestMs?: number }
  /** Those that end within 60 days, soonest first. */
  readonly certificates: readonly {
    readonly ref: string
    readonly name: string
    readonly kind: 'service' | 'practitioner'
    readonly notAfterMs: number
  }[]
  readonly registered: { readonly patients: number; readonly practitioners: number; readonly staff: number }
}

export class SummaryReader {
  readonly #parts: SummaryParts
  #last: { readonly timeMs: number; readonly summary: Promise<Summary> } | undefined

  constructor(parts: SummaryParts) {
    this.#parts = parts
  }

  read(nowMs: number): Promise<Summary> {
    if (this.#last !== undefined && Math.abs(nowMs - this.#last.timeMs) < KEEP_MS) return this.#last.summary
    const summary = this.#read(nowMs)
    this.#last = { timeMs: nowMs, summary }
    return summary
  }

  async #read(nowMs: number): Promise<Summary> {
    const { registry, staff, outbox, questions } = this.#parts
    const waiting = outbox()
    const [ledger, recordServer, emergencies] = await Promise.all([
      part(() => this.#ledger()),
      part(() => this.#server()),
      part(async () => ({ open: await this.#toReview() })),
    ])
    return {
      today: {
        ...this.#appointments(nowMs),
        ...(emergencies.state === 'up' ? { emergenciesToReview: emergencies.open } : {}),
        questionsWaiting: questions.waiting,
        uploadsWaiting: waiting.waiting,
      },
      recordServer,
      ledger,
      outbox: waiting,
      certificates: this.#certificates(nowMs),
      registered: {
        patients: registry.patients().length,
        practitioners: registry.practitioners().length,
        staff: staff.list().length,
      },
    }
  }

  async #ledger() {
    const { ledger, organizations } = this.#parts
    const height = await ledger.height()
    const { timeMs = 0 } = (await ledger.block(height)) ?? {}
    return { height, blockMs: timeMs, organizations }
  }

  async #server() {
    const { tee, simulated, measurement } = await this.#parts.recordServer.evidence()
    return { tee, simulated, measurement }
  }

  async #toReview(): Promise<number> {
    const { recordServer, reviews } = this.#parts
    const emergencies = await recordServer.emergencies()
    return emergencies.filter(({ emergency }) => reviews.find(emergency) === undefined).length
  }

  /** Booked for the next 24 hours, and those from now on for which no permission of the patient is here. */
  #appointments(nowMs: number): { readonly booked: number; readonly permissionsMissing: number } {
    const { appointments } = this.#parts
    const coming = appointments.from(nowMs)
    const missing = coming.filter(
      ({ patientRef, doctors, startMs }) => !this.#isPermitted(patientRef, doctors, startMs),
    )
    return {
      booked: coming.filter(({ startMs }) => startMs < nowMs + DAY_MS).length,
      permissionsMissing: missing.length,
    }
  }

  #isPermitted(patient: PatientRef, doctors: readonly string[], startMs: number): boolean {
    const rows = this.#parts.db
      .prepare('SELECT doctors FROM warrant WHERE patient = ? AND exp_ms > ?')
      .pluck()
      .all(patient, startMs) as string[]
    return rows.some((named) => (JSON.parse(named) as string[]).some((ref) => doctors.includes(ref)))
  }

  #certificates(nowMs: number): Summary['certificates'] {
    const { registry, service } = this.#parts
    const all = [
      { ref: service.ref, name: service.name, kind: 'service' as const, notAfterMs: endOf(service.chain[0]) },
      ...registry.practitioners().map(({ ref, name, chain }) => ({
        ref,
        name,
        kind: 'practitioner' as const,
        notAfterMs: endOf(decodeBase64url(chain[0] ?? '')),
      })),
    ]
    return all
      .filter(({ notAfterMs }) => notAfterMs - nowMs < SHOWN_BEFORE_MS)
      .toSorted((a, b) => a.notAfterMs - b.notAfterMs)
  }
}

function endOf(der: Uint8Array | undefined): number {
  return der === undefined ? 0 : parseCertificate(der).notAfterMs
}

async function part<T>(ask: () => Promise<T>): Promise<PartState<T>> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('late')), PART_MS)
  })
  try {
    return { state: 'up', ...(await Promise.race([ask(), late])) }
  } catch (error) {
    const { code } = (error ?? {}) as { readonly code?: unknown }
    return { state: 'down', code: isErrorCode(code) ? code : 'SERVER_UNAVAILABLE' }
  } finally {
    clearTimeout(timer)
  }
}
