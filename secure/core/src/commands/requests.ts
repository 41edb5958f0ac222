/**
 * Requests in sessions: from the encrypted record to the sealed answer. Who may ask is the first thing that is checked,
 * then the form, then the ledger is asked, then the command runs. Spec: docs/protocol/05-sessions.md §5.7, §5.9.
 *
 * A command checks everything before its first write. One that fails unexpectedly without having written is refused
 * with TEE_FAULT; after a write the application stops, because half a change must never become durable.
 *
 * @module
 */
import type { CborValue, ErrorCode } from '../../../../shared/protocol/src/index.ts'
import { decisionTime } from '../access/decision-time.ts'
import { onBehalfShape, type OnBehalf } from '../audit/entry.ts'
import { refusalOf, StorageError, TrustedApplicationError, type Refusal } from '../errors.ts'
import type { FactsOutcome } from '../facts/ledger-facts.ts'
import { Facts } from '../facts/queries.ts'
import type { Answer } from '../round.ts'
import type { ClientKind, Session } from '../sessions/index.ts'
import type { Vault } from '../vault.ts'
import { actorEntry, type Call, type CommandRow } from './call.ts'
import { actorOf } from './participants.ts'
import { findCommand } from './table.ts'

/** A sealed record, or why there is no session to seal it for. Called once, when the round is durable. */
export type SealedAnswer = () => { readonly record: Uint8Array } | { readonly code: ErrorCode }

interface Request {
  readonly session: Session
  readonly seq: number
  readonly bytes: number
  readonly answer: (sealed: SealedAnswer) => void
  /** For whom a hospital asks (§8.3). */
  by?: OnBehalf
  isAnswered: boolean
}

export class Requests {
  readonly #vault: Vault
  #waitingBytes = 0

  constructor(vault: Vault) {
    this.#vault = vault
  }

  /**
   * Takes one record. `answer` is called once, now or later.
   * @throws {ProtocolError} for what is no record of an open session; `TEE_BUSY`.
   */
  take(record: Uint8Array, answer: (sealed: SealedAnswer) => void): void {
    const { sessions, limits } = this.#vault
    if (this.#waitingBytes + record.length > limits.waitingBytes) throw new TrustedApplicationError('TEE_BUSY')
    const opened = sessions.openRecord(record, this.#vault.now())
    const request = { ...opened, bytes: record.length, answer, isAnswered: false }
    this.#waitingBytes += record.length
    try {
      this.#start(request, opened.request)
    } catch (error) {
      this.#fail(request, error, false)
    }
  }

  #start(request: Request, message: CborValue): void {
    const { client } = request.session
    const row = findCommand(cmdOf(message))
    if (row === undefined) throw new TrustedApplicationError('TEE_UNKNOWN_COMMAND')
    if (!row.who.includes(client.kind)) throw new TrustedApplicationError('TEE_FORBIDDEN')
    const { by, rest } = splitBehalf(client.kind, message)
    if (by !== undefined) request.by = by
    const input = row.shape(rest, 'request')
    if (row.needs === undefined) {
      const { unixMs } = this.#vault.now()
      this.#run(request, row, input, new Facts({ timeMs: unixMs, reachedMs: unixMs, height: 0 }), false)
      return
    }
    const needs = row.needs(this.#vault, client, input)
    this.#vault.facts.request(needs, this.#vault.now().monotonicMs, (outcome) => {
      this.#continue(request, row, input, outcome)
    })
  }

  #continue(request: Request, row: CommandRow, input: unknown, outcome: FactsOutcome): void {
    if ('code' in outcome) this.#refuse(request, { code: outcome.code })
    else this.#run(request, row, input, outcome.facts, true)
  }

  #run(request: Request, row: CommandRow, input: unknown, facts: Facts, decides: boolean): void {
    const { crypto, store } = this.#vault
    const { client } = request.session
    const before = store.writes
    let call: Call | undefined
    try {
      const nowMs = decisionTime(facts.timeMs, this.#vault.now().unixMs)
      const { kind, ref, mspId, kid } = client
      const actor = decides ? actorOf(crypto, client, facts) : { kind, ref, mspId, kid, hospitals: [] }
      call = {
        vault: this.#vault,
        client,
        actor,
        ...(request.by === undefined ? {} : { by: request.by }),
        facts,
        nowMs,
        reply: (answer) => this.#reply(request, { ok: true }, answer),
        refuse: (refusal, more) => this.#refuse(request, refusal, more),
      }
      row.run(call, input)
    } catch (error) {
      this.#fail(request, error, store.writes !== before)
      if (refusalOf(error) !== undefined && decides) this.#logRefusal(request, row, input, call, error)
    }
  }

  /** §8.3: a refusal is logged before it is told. */
  #logRefusal(request: Request, row: CommandRow, input: unknown, call: Call | undefined, error: unknown): void {
    const { client } = request.session
    const code = refusalOf(error)?.code
    if (row.subject === undefined || code === undefined) return
    const { patient, record } = row.subject(this.#vault, client, input)
    const actor = call === undefined ? { timeMs: this.#vault.now().unixMs, actor: client.ref } : actorEntry(call)
    this.#vault.log({
      t: 'deny',
      ...actor,
      ...(patient === undefined ? {} : { patient }),
      ...(record === undefined ? {} : { record }),
      code,
    })
  }

  /** Refuses with the code of a refusal; anything else is our own fault. */
  #fail(request: Request, error: unknown, hasWritten: boolean): void {
    if (hasWritten || error instanceof StorageError) throw error
    this.#refuse(request, refusalOf(error) ?? { code: 'TEE_FAULT' })
  }

  #refuse(request: Request, refusal: Refusal, more: Answer = {}): void {
    this.#reply(request, { ok: false, ...refusal }, more)
  }

  #reply(request: Request, members: { readonly [name: string]: CborValue }, answer: Answer): void {
    if (request.isAnswered) throw new TypeError('a request is answered once')
    request.isAnswered = true
    this.#waitingBytes -= request.bytes
    request.answer(() => {
      const { sessions } = this.#vault
      const { session, seq } = request
      try {
        const rest = typeof answer === 'function' ? answer() : answer
        return { record: sessions.sealAnswer(session, seq, { ...members, ...rest }) }
      } catch (error) {
        if (error instanceof StorageError) throw error
        // What was asked is done and durable; only telling it failed. A repeated request gets the answer.
        const code = refusalOf(error)?.code ?? 'TEE_FAULT'
        return { record: sessions.sealAnswer(session, seq, { ok: false, code }) }
      }
    })
  }
}

/** Only a hospital asks for others; from anybody else `by` is a member that the command does not have. */
function splitBehalf(
  kind: ClientKind,
  message: CborValue,
): { readonly by: OnBehalf | undefined; readonly rest: CborValue } {
  if (kind !== 'organization') return { by: undefined, rest: message }
  const { by, ...rest } = message as { readonly [name: string]: CborValue }
  return { by: by === undefined ? undefined : onBehalfShape(by, 'by'), rest }
}

function cmdOf(message: CborValue): CborValue | undefined {
  if (typeof message !== 'object' || message === null || Array.isArray(message) || message instanceof Uint8Array) {
    return undefined
  }
  return (message as { readonly cmd?: CborValue }).cmd
}
