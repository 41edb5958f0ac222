/**
 * Several attested sessions with one record server, by one or more addresses, as one: for whoever asks much at once or
 * must not depend on one way. The server is the same at every address: each session checks it against the ledger.
 *
 * Limits: no server takes the place of another; each keeps records of its own.
 *
 * @module
 */
import type { CborValue, EvidenceResult } from '../../../shared/protocol/src/index.ts'
import { codeOf } from './errors.ts'
import type { Clock, RequestBody } from './ports.ts'

/** What a participant asks of its way to the trusted application. */
export interface Session {
  /** What the server proved in the newest handshake; opens a session if there is none. */
  evidence(): Promise<EvidenceResult>
  /** Bytes of the largest request that the trusted application takes, sealed. */
  maxRecordBytes(): Promise<number>
  /** @throws {ClientError} the code that the trusted application answered, or of the way to it. */
  request(cmd: string, body?: RequestBody): Promise<Readonly<Record<string, CborValue>>>
  close(): void
}

export interface PooledSession {
  readonly session: Session
  /** The address; sessions by the same one are down together. */
  readonly address: string
}

/** How long an address that did not answer is passed over while there is another. */
const DOWN_MS = 5_000

/** What changes nothing, or the same when it comes twice: sent again by another address after no answer. */
const REPEATABLE: ReadonlySet<string> = new Set([
  'access-log',
  'checkpoint',
  'emergency.list',
  'patient.provision',
  'patient.rekey',
  'ping',
  'practitioner.provision',
  'proof',
  'record.list',
  'record.read',
  'record.read-many',
  'record.search',
  'record.store',
  'record.store-many',
  'record.versions',
  'recovery.share',
  'uploads',
  'warrant.present',
  'whoami',
])

export class SessionPool implements Session {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #sessions: readonly { readonly session: Session; readonly address: string; underWay: number }[]
  readonly #downUntilMs = new Map<string, number>()

  /** @throws {RangeError} without a session. */
  constructor(sessions: readonly PooledSession[], clock: Pick<Clock, 'monotonicMs'>) {
    if (sessions.length === 0) throw new RangeError('a pool has a session')
    this.#sessions = sessions.map(({ session, address }) => ({ session, address, underWay: 0 }))
    this.#clock = clock
  }

  evidence(): Promise<EvidenceResult> {
    return this.#ask(true, (session) => session.evidence())
  }

  maxRecordBytes(): Promise<number> {
    return this.#ask(true, (session) => session.maxRecordBytes())
  }

  request(cmd: string, body: RequestBody = {}): Promise<Readonly<Record<string, CborValue>>> {
    return this.#ask(REPEATABLE.has(cmd), (session) => session.request(cmd, body))
  }

  close(): void {
    for (const { session } of this.#sessions) session.close()
  }

  async #ask<T>(isRepeatable: boolean, work: (session: Session) => Promise<T>): Promise<T> {
    const tried = new Set<string>()
    for (;;) {
      const chosen = this.#choose(tried)
      chosen.underWay++
      try {
        return await work(chosen.session)
      } catch (error) {
        if (codeOf(error) !== 'SERVER_UNAVAILABLE') throw error
        this.#downUntilMs.set(chosen.address, this.#clock.monotonicMs() + DOWN_MS)
        tried.add(chosen.address)
        const isMore = this.#sessions.some(({ address }) => !tried.has(address))
        if (!isRepeatable || !isMore) throw error
      } finally {
        chosen.underWay--
      }
    }
  }

  /** The one with least to do, by an address that answers and was not tried. */
  #choose(tried: ReadonlySet<string>) {
    const nowMs = this.#clock.monotonicMs()
    const isUp = (address: string) => (this.#downUntilMs.get(address) ?? 0) <= nowMs
    const untried = this.#sessions.filter(({ address }) => !tried.has(address))
    const up = untried.filter(({ address }) => isUp(address))
    const candidates = up.length > 0 ? up : untried
    return candidates.reduce((least, one) => (one.underWay < least.underWay ? one : least))
  }
}
