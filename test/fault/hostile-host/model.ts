/**
 * What must be true of everybody's records, kept beside the system: who may read whose, by the ledger's truth; what was
 * acknowledged; what was released. Small enough to be right at a glance.
 *
 * @module
 */
import type { RecordId } from '../../../shared/protocol/src/index.ts'

/** 8.2: so far the host's clock alone may take a decision ahead of the ledger's time: 5 minutes of skew less 2 of lag. */
const EARLY_MS = 180_000

/**
 * 8.6: of registrations an answer that is up to 5 s old will do. A patient's policy, which is always fresh, tells the
 * suspension of those with a warrant or grant; who has emergency access only is not in it.
 */
const REGISTRATION_AGE_MS = 5_000

/** A record that an author tried to store. */
export interface ModelRecord {
  readonly recordId: RecordId
  readonly patient: string
  readonly ehr: Uint8Array
  readonly envelope: Uint8Array
  readonly author: string
  /** `sent`: perhaps stored. `stored`: acknowledged. `erasing`: perhaps erased. `erased`: acknowledged. */
  state: 'sent' | 'stored' | 'erasing' | 'erased'
}

/** A permission on the ledger: of a warrant or a grant. */
export interface ModelPermission {
  readonly kind: 'warrant' | 'grant'
  readonly id: string
  readonly jws?: string
  readonly patient: string
  readonly reader: string
  /** By the ledger's clock. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  isRevoked: boolean
}

/** A request that was sent and not yet answered to its client. */
export interface InFlight {
  readonly reader: string
  readonly patient: string
  /** It reached the trusted application: from now on the ledger's truth counts. */
  hasArrived: boolean
  /** At some moment since then the ledger allowed it. */
  isAllowed: boolean
  /** The records that had to be in a complete list when it arrived. */
  complete: readonly RecordId[]
}

/** A read whose plaintext reached its client. */
export interface Released {
  readonly reader: string
  readonly patient: string
  readonly recordId: RecordId
  readonly accessIndex: number
}

export class Model {
  readonly records: ModelRecord[] = []
  readonly permissions: ModelPermission[] = []
  /** Since when, by the ledger's clock. */
  readonly suspended = new Map<string, number>()
  /** `reader/patient` for whom emergency access was ever asked: perhaps open. */
  readonly emergencies = new Set<string>()
  readonly inFlight = new Set<InFlight>()
  released: Released[] = []
  readonly #nowMs: () => number
  readonly #hospital: string

  /** @param nowMs the ledger's clock, which is right. */
  constructor(nowMs: () => number, hospital: string) {
    this.#nowMs = nowMs
    this.#hospital = hospital
  }

  /** Whether the ledger allows it now. */
  allows(reader: string, patient: string): boolean {
    if (reader === patient || reader === this.#hospital) return true
    const nowMs = this.#nowMs()
    const isEmergency = this.emergencies.has(`${reader}/${patient}`)
    const suspendedMs = this.suspended.get(reader)
    if (suspendedMs !== undefined) return isEmergency && nowMs < suspendedMs + REGISTRATION_AGE_MS
    if (isEmergency) return true
    return this.permissions.some(
      (one) =>
        one.reader === reader &&
        one.patient === patient &&
        !one.isRevoked &&
        nowMs >= one.notBeforeMs - EARLY_MS &&
        nowMs < one.notAfterMs,
    )
  }

  sent(reader: string, patient: string): InFlight {
    const request: InFlight = { reader, patient, hasArrived: false, isAllowed: false, complete: [] }
    this.inFlight.add(request)
    return request
  }

  arrived(request: InFlight): void {
    if (request.hasArrived) return
    request.hasArrived = true
    request.isAllowed = this.allows(request.reader, request.patient)
    request.complete = this.records
      .filter(({ state, patient }) => state === 'stored' && patient === request.patient)
      .map(({ recordId }) => recordId)
  }

  /** After every change on the ledger and every move of its clock: whoever waits may have become allowed. */
  changed(): void {
    for (const request of this.inFlight) {
      if (request.hasArrived) request.isAllowed ||= this.allows(request.reader, request.patient)
    }
  }
}
