/**
 * Serves what the trusted application asks of the normal world: endorsed reads of the ledger, word of records that
 * appear in blocks, checkpoints to anchor. It is believed nothing: every answer it brings is signed by others or
 * checked again. What it drops costs time only. Spec: docs/protocol/10-tee-abi.md §10.3.
 *
 * Limits: 64 reads under way, 200,000 records watched.
 *
 * @module
 */
import type { Ledger, LedgerIdentity } from '../../../ledger/client/src/port.ts'
import { submitCall } from '../../../ledger/client/src/submit-call.ts'
import {
  anchorCallOf,
  LedgerError,
  shareRows,
  type EndorsedAnswer,
  type TravellingAnswers,
} from '../../../shared/ledger-model/src/index.ts'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { ERROR_TABLE, isErrorCode, type ErrorCode } from '../../../shared/protocol/src/error-table.ts'
import {
  MAX_FRAME_BYTES,
  MAX_ITEMS,
  type CommittedItem,
  type Effect,
  type EffectOf,
} from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { BACK_OFF, pause, type BackOff } from './back-off.ts'
import { CommitmentIndex } from './commitment-index.ts'
import { committedItems } from './committed-items.ts'

/** Calls of one `endorsedReads` (docs/protocol/07-ledger.md §7.8). */
const QUERIES_AT_ONCE = 64
const MAX_NEEDS = 64
const MAX_WATCHED = 200_000
/** The trusted application gives up after 10 s. */
const NEED_DEADLINE_MS = 9_000
/** Room for the members around the answers of one message. */
const MAX_ANSWER_BYTES = MAX_FRAME_BYTES - 64 * 1024

export interface SupplicantOptions {
  readonly tee: TeeDriver
  readonly ledger: Ledger
  /** Submits the checkpoints that the trusted application signed: any member's. */
  readonly identity: LedgerIdentity
  /** File of the index; made if it does not exist. */
  readonly indexPath: string
  readonly onNotice?: (notice: EffectOf<'notice'>) => void
  /** For the operator's log: what happened, as a code; never a reference. */
  readonly onTrouble?: (where: SupplicantPart, code: ErrorCode) => void
  readonly backOff?: BackOff
  readonly needDeadlineMs?: number
}

export type SupplicantPart = 'need' | 'watch' | 'anchor' | 'fatal'

export interface SupplicantStatus {
  /** Number of the newest block that was read; undefined: none yet. */
  readonly followedBlock: number | undefined
  /** Reads under way. */
  readonly needs: number
  /** Records that have not appeared. */
  readonly watched: number
}

export function startSupplicant(options: SupplicantOptions): Supplicant {
  return new Supplicant(options)
}

export class Supplicant {
  readonly #options: SupplicantOptions
  readonly #tee: TeeDriver
  readonly #ledger: Ledger
  readonly #index: CommitmentIndex
  readonly #backOff: BackOff
  readonly #stop = new AbortController()
  readonly #following: Promise<void>
  /** `recordId/version`, oldest first. */
  readonly #watched = new Set<string>()
  readonly #work = new Set<Promise<void>>()
  #needs = 0
  #toTell: CommittedItem[] = []
  #isTelling = false
  #closing: Promise<void> | undefined

  /** @internal Use `startSupplicant`. */
  constructor(options: SupplicantOptions) {
    this.#options = options
    this.#tee = options.tee
    this.#ledger = options.ledger
    this.#backOff = options.backOff ?? BACK_OFF
    this.#index = CommitmentIndex.open(options.indexPath)
    this.#tee.onEffect((effect) => this.#serve(effect))
    this.#tee.onRestart(() => this.#forget())
    this.#following = this.#follow()
  }

  get status(): SupplicantStatus {
    const { nextBlock } = this.#index.position
    return {
      followedBlock: nextBlock === 0 ? undefined : nextBlock - 1,
      needs: this.#needs,
      watched: this.#watched.size,
    }
  }

  /** Ends what is under way; once is enough. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#tee.onEffect(() => undefined)
    this.#stop.abort()
    await Promise.all([this.#following, ...this.#work])
    this.#index.close()
  }

  #serve(effect: Effect): void {
    switch (effect.fx) {
      case 'need':
        return this.#start(this.#need(effect))
      case 'watch':
        return this.#watch(effect.records)
      case 'anchor':
        return this.#start(this.#anchor(effect))
      case 'notice':
        return this.#options.onNotice?.(effect)
      case 'fatal':
        return this.#trouble('fatal', effect.code)
    }
  }

  /** A trusted application that was started again asks again for what it still wants. */
  #forget(): void {
    this.#watched.clear()
    this.#toTell = []
  }

  #start(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }

  async #need(effect: EffectOf<'need'>): Promise<void> {
    const { need } = effect
    let outcome: TravellingAnswers | { readonly code: ErrorCode }
    if (this.#needs >= MAX_NEEDS) outcome = { code: 'LEDGER_BUSY' }
    else {
      this.#needs++
      try {
        outcome = await this.#read(effect)
      } catch (error) {
        outcome = { code: codeOf(error, 'LEDGER_UNAVAILABLE') }
      }
      this.#needs--
    }
    if ('code' in outcome) this.#trouble('need', outcome.code)
    await this.#answer('need', this.#tellNeed(need, outcome))
  }

  /** What is larger than this TEE takes as one message is answered with a code: its requests do not wait for nothing. */
  async #tellNeed(need: number, outcome: TravellingAnswers | { readonly code: ErrorCode }): Promise<void> {
    try {
      await this.#tee.request('endorsement', { need, ...outcome })
    } catch (error) {
      if (codeOf(error, 'TEE_FAULT') !== 'RECORD_TOO_LARGE') throw error
      this.#trouble('need', 'LEDGER_BUSY')
      await this.#tee.request('endorsement', { need, code: 'LEDGER_BUSY' })
    }
  }

  /** @throws {LedgerError} what the ledger says, `LEDGER_UNAVAILABLE` after the deadline, `LEDGER_BUSY`: too large. */
  async #read({ queries, nonce, minHeight }: EffectOf<'need'>): Promise<TravellingAnswers> {
    const deadline = AbortSignal.timeout(this.#options.needDeadlineMs ?? NEED_DEADLINE_MS)
    const read = async (): Promise<Answers> => {
      const answers: Answers[number][] = []
      for (let at = 0; at < queries.length; at += QUERIES_AT_ONCE) {
        const some = queries.slice(at, at + QUERIES_AT_ONCE)
        answers.push(...(await this.#ledger.endorsedReads({ queries: some, nonce, minHeight })))
      }
      return answers
    }
    const all = shareRows(await this.#repeat(read, AbortSignal.any([this.#stop.signal, deadline])))
    const size = all.answers.flat().reduce((sum, { answer }) => sum + answer.length + 96, 0)
    if (size > MAX_ANSWER_BYTES) throw new LedgerError('LEDGER_BUSY', 'the answers do not fit one message')
    return { ...all, answers: all.answers.map((row) => row.map(({ answer, signature }) => ({ answer, signature }))) }
  }

  async #anchor({ signature, ...statement }: EffectOf<'anchor'>): Promise<void> {
    const { epoch } = statement
    const call = anchorCallOf(statement, signature)
    const { identity } = this.#options
    try {
      // Anew each time: the ledger answers a statement that it has with what is there.
      await this.#repeat(() => submitCall(this.#ledger, identity, call), this.#stop.signal)
      await this.#answer('anchor', this.#tee.request('anchored', { epoch }))
    } catch (error) {
      const code = codeOf(error, 'LEDGER_UNAVAILABLE')
      this.#trouble('anchor', code)
      await this.#answer('anchor', this.#tee.request('anchored', { epoch, code }))
    }
  }

  #watch(records: EffectOf<'watch'>['records']): void {
    for (const [recordId, version] of records) {
      const known = this.#index.find(recordId, version)
      if (known !== undefined) {
        this.#toTell.push(known)
        continue
      }
      this.#watched.add(`${recordId}/${version}`)
    }
    for (const oldest of this.#watched) {
      if (this.#watched.size <= MAX_WATCHED) break
      this.#watched.delete(oldest)
    }
    if (!this.#isTelling) this.#start(this.#tell())
  }

  /** Reads blocks for ever; the ledger client waits while the ledger is away. */
  async #follow(): Promise<void> {
    const { signal } = this.#stop
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const chain = await this.#chain()
        for await (const block of this.#ledger.blocks(this.#index.position.nextBlock, { signal })) {
          attempt = 0
          const items = committedItems(block)
          this.#index.add(chain, block.number, items)
          this.#toTell.push(...items.filter(([recordId, version]) => this.#watched.delete(`${recordId}/${version}`)))
          if (this.#toTell.length > 0 && !this.#isTelling) this.#start(this.#tell())
        }
      } catch (error) {
        if (signal.aborted) return
        this.#trouble('watch', codeOf(error, 'LEDGER_UNAVAILABLE'))
      }
      await pause(this.#backOff, Math.max(1, attempt), signal)
    }
  }

  /** Hash of block 0; an index of another ledger, or of a longer one, is made anew. */
  async #chain(): Promise<string> {
    const first = await this.#ledger.block(0)
    if (first === undefined) throw new LedgerError('LEDGER_UNAVAILABLE', 'no block yet')
    const chain = encodeHex(first.hash)
    const { chain: known, nextBlock } = this.#index.position
    if (known !== undefined && (known !== chain || nextBlock > (await this.#ledger.height()) + 1)) this.#index.clear()
    return chain
  }

  /** One sender at a time, so that hints do not overtake each other under load. */
  async #tell(): Promise<void> {
    this.#isTelling = true
    try {
      for (let attempt = 1; this.#toTell.length > 0;) {
        const all = this.#toTell
        const items = all.slice(0, MAX_ITEMS)
        try {
          await this.#tee.request('committed', { items })
          attempt = 1
        } catch (error) {
          const code = codeOf(error, 'TEE_FAULT')
          if (code === 'TEE_BUSY') {
            if (!(await pause(this.#backOff, attempt++, this.#stop.signal))) return
            continue
          }
          // It asks again when it has started again; what it refused it has no use for.
          this.#trouble('watch', code)
        }
        // After a restart there is another list.
        all.splice(0, items.length)
      }
    } finally {
      this.#isTelling = false
    }
  }

  /** Repeats while the ledger is away, until `signal`. */
  async #repeat<T>(step: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await unlessAborted(step(), signal)
      } catch (error) {
        const isAway = ERROR_TABLE[codeOf(error, 'LEDGER_UNAVAILABLE')].kind === 'unavailable'
        if (!isAway || signal.aborted || !(await pause(this.#backOff, attempt, signal))) throw error
      }
    }
  }

  /** What the trusted application says to an answer is noted and no more. */
  async #answer(where: SupplicantPart, answering: Promise<unknown>): Promise<void> {
    try {
      await answering
    } catch (error) {
      this.#trouble(where, codeOf(error, 'TEE_FAULT'))
    }
  }

  #trouble(where: SupplicantPart, code: ErrorCode): void {
    this.#options.onTrouble?.(where, code)
  }
}

/** Query by query, every organisation's. */
type Answers = readonly (readonly EndorsedAnswer[])[]

/** The result of `work`, or a rejection as soon as `signal` is aborted; `work` goes on unobserved. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new LedgerError('LEDGER_UNAVAILABLE', 'the time is over'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
    work.catch(() => undefined)
  }
}

function codeOf(error: unknown, otherwise: ErrorCode): ErrorCode {
  const code = (error as { code?: unknown } | null)?.code
  return isErrorCode(code) ? code : otherwise
}
