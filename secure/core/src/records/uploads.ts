/**
 * Records on their way: staged durably, watched for on the ledger, completed when an endorsed read shows the very
 * commitment. Spec: docs/protocol/04-records.md §4.3, §4.5.
 *
 *   stage → (durable) → watch → the host says where → endorsed `commitments` → equal: stored, else COMMITMENT_MISMATCH
 *   stage and, where the author said the place and the ledger has shown it: stored, in one round
 *
 * A crash before the round is durable: nothing happened. After it and before completion: the row is staged, and is
 * watched again at the next start. After completion: the row is stored, and a repeated upload gets the same receipt.
 *
 * @module
 */
import { encodeHex, equalBytes } from '../../../../shared/crypto/src/index.ts'
import {
  commitmentLeaf,
  type AuthorRef,
  type BatchId,
  type ErrorCode,
  type RecordId,
  type TxId,
} from '../../../../shared/protocol/src/index.ts'
import { MAX_LOOKUP_COMMITMENTS, type CommitmentRecord } from '../../../../shared/ledger-model/src/index.ts'
import { MAX_ITEMS, type EffectOf } from '../../../../shared/tee-abi/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import type { CommitmentPlace, FactNeeds, Facts } from '../facts/queries.ts'
import type { RecordParts } from './parts.ts'
import { encryptContent } from './record-body.ts'
import { commitmentOf, STAGED, STORED, type LedgerPlace, type RecordRow } from './record-rows.ts'
import { codeTokens, textHash, wordsOf, type IndexedText } from './record-text.ts'
import type { AcceptedVersion } from './upload-checks.ts'

/** How long a client waits for the ledger to show the commitment. */
export const COMMITMENT_WAIT_MS = 30_000
/** A staged record whose commitment has not come by then is taken away; its author may upload it again. */
export const MAX_STAGED_MS = 7 * 24 * 3_600_000
/** So many in one round at most. */
const EXPIRED_OF_ROUND = 256
/** After a failed look at the ledger the host is asked to watch again. */
const REWATCH_MS = 1_000

export type UploadOutcome = { readonly row: RecordRow } | { readonly code: ErrorCode }
export type Settle = (outcome: UploadOutcome) => void

/** [recordId, version, batchId, index, txId, block] as the host says. */
export type CommittedItem = readonly [RecordId, number, BatchId, number, TxId, number]

/** Where an author says that a commitment is, and in which block. */
export interface SaidPlace {
  readonly batchId: BatchId
  readonly index: number
  readonly block: number
}

interface Waiter {
  /** Undefined once it was called: with it goes the request, which is much larger. */
  settle: Settle | undefined
}

interface Staged {
  readonly row: RecordRow
  readonly words: IndexedText
  readonly waiters: Waiter[]
  /** A look at the ledger is under way. */
  isAsked: boolean
}

interface Hint {
  readonly staged: Staged
  readonly item: CommittedItem
}

/** The organisations may know one block more than they vouch for (7.5, Fabric). */
const UNPROVEN_BLOCKS = 1

export class Uploads {
  readonly #vault: RecordParts
  /** By record and version, oldest first. */
  readonly #staged = new Map<string, Staged>()
  readonly #ofAuthor = new Map<string, number>()
  #toWatch: Staged[] = []
  #watchAgain: { readonly staged: Staged; readonly atMs: number }[] = []
  #ready: { readonly staged: Staged; readonly place: LedgerPlace }[] = []
  #refused: { readonly staged: Staged; readonly code: ErrorCode }[] = []
  /** In the order of their ends: all wait equally long. */
  #deadlines: { readonly waiter: Waiter; readonly untilMs: number }[] = []

  /** Takes up what a former start left. */
  constructor(vault: RecordParts) {
    this.#vault = vault
    for (const row of vault.records.waiting()) {
      const staged = { row, words: vault.texts.get(row.id, row.textHash), waiters: [], isAsked: false }
      this.#add(staged)
    }
  }

  get waiting(): number {
    return this.#staged.size
  }

  /** Whether something will happen by itself after some time. */
  get isDue(): boolean {
    return this.#watchAgain.length > 0 || this.#deadlines.length > 0
  }

  /** Of one author, oldest first. */
  waitingOf(author: string): { readonly recordId: RecordId; readonly version: number; readonly sinceMs: number }[] {
    return [...this.#staged.values()]
      .filter(({ row }) => row.author === author)
      .map(({ row: { recordId, version, stagedMs } }) => ({ recordId, version, sinceMs: stagedMs }))
  }

  /** @throws {TrustedApplicationError} `TEE_BUSY` */
  checkRoom(author: AuthorRef, records: number): void {
    const { stagedRecords, stagedOfAuthor } = this.#vault.limits
    const ofAuthor = (this.#ofAuthor.get(author) ?? 0) + records
    if (this.#staged.size + records > stagedRecords || ofAuthor > stagedOfAuthor) {
      throw new TrustedApplicationError('TEE_BUSY')
    }
  }

  #add(staged: Staged): void {
    const { recordId, version, author } = staged.row
    this.#staged.set(nameOf(recordId, version), staged)
    this.#ofAuthor.set(author, (this.#ofAuthor.get(author) ?? 0) + 1)
    this.#toWatch.push(staged)
  }

  #remove({ row: { recordId, version, author } }: Staged): void {
    this.#staged.delete(nameOf(recordId, version))
    const left = (this.#ofAuthor.get(author) ?? 0) - 1
    if (left > 0) this.#ofAuthor.set(author, left)
    else this.#ofAuthor.delete(author)
  }

  /** Writes an accepted version; it is readable by nobody yet. */
  stage(accepted: AcceptedVersion, nowMs: number): RecordRow {
    const { crypto, compression, records, bodies, texts, warrants } = this.#vault
    const { commitment, author, hospital, chain, patient, treatmentKey, warrant, index, ehr, salt } = accepted
    const content = { ehr, salt }
    const { wrapped, body } = encryptContent(crypto, treatmentKey, patient.ref, commitment, content, compression)
    const codes = index.codes.map(({ system, code }) => [system, code] as const)
    const words = {
      text: wordsOf(`${index.title} ${index.narrativeText}`).join(' '),
      codes: codeTokens(crypto, codes).join(' '),
    }
    const row = records.stage({
      ...commitment,
      patient: patient.id,
      state: STAGED,
      superseded: false,
      author,
      hospital,
      chain,
      ehrType: index.ehrType,
      resourceType: index.resourceType,
      title: index.title,
      codes: JSON.stringify(codes),
      // Our encodings have no negative numbers: what was before 1970 was at its start.
      dateMs: index.dateStartMs === undefined ? null : Math.max(0, index.dateStartMs),
      stagedMs: nowMs,
      storedMs: null,
      erasedMs: null,
      textHash: textHash(crypto, words),
      keyVersion: treatmentKey.version,
      wrapped,
      place: null,
      logIndex: null,
      logSize: null,
      erasedIndex: null,
    })
    bodies.add(row.id, body)
    texts.add(row.id, words)
    warrants.remember(patient, warrant)
    const staged = { row, words, waiters: [], isAsked: false }
    this.#add(staged)
    return row
  }

  /** Calls `settle` once: when the record is stored, cannot be, or the time is over. */
  await(row: RecordRow, monotonicMs: number, settle: Settle): void {
    if (row.state !== STAGED) {
      settle({ row })
      return
    }
    const staged = this.#staged.get(nameOf(row.recordId, row.version))
    if (staged === undefined) throw new TypeError('a staged row that nobody watches')
    const waiter: Waiter = { settle }
    staged.waiters.push(waiter)
    this.#deadlines.push({ waiter, untilMs: monotonicMs + COMMITMENT_WAIT_MS })
  }

  /**
   * The author said where the commitment is, and the ledger was asked about that place together with the permission. If
   * the very commitment stands there, the record is complete with this round; if not, it waits like any other.
   */
  shown({ recordId, version }: RecordRow, said: SaidPlace, facts: Facts): void {
    const staged = this.#staged.get(nameOf(recordId, version))
    if (staged === undefined || staged.isAsked) return
    const { batchId, index, block } = said
    const txId = this.#transactionAt(staged, said, facts)
    if (txId === undefined || block > facts.height + UNPROVEN_BLOCKS) return
    staged.isAsked = true
    this.#ready.push({ staged, place: { batchId, index, txId, block } })
  }

  /** The transaction that put the very commitment there; undefined if nothing or another one stands there. */
  #transactionAt({ row }: Staged, place: CommitmentPlace, facts: Facts): TxId | undefined {
    const [leaf, txId] = facts.findLeaf(place) ?? []
    return leaf === encodeHex(commitmentLeaf(this.#vault.crypto, commitmentOf(row))) ? txId : undefined
  }

  /** The host says where commitments are; the ledger is asked whether that is so. */
  committed(items: readonly CommittedItem[], monotonicMs: number): void {
    const hints: Hint[] = []
    for (const item of items) {
      const staged = this.#staged.get(nameOf(item[0], item[1]))
      if (staged === undefined || staged.isAsked) continue
      staged.isAsked = true
      hints.push({ staged, item })
    }
    for (let at = 0; at < hints.length; at += MAX_LOOKUP_COMMITMENTS) {
      const part = hints.slice(at, at + MAX_LOOKUP_COMMITMENTS)
      this.#ask(part, { leaves: part.map(placeOf) }, monotonicMs, (facts) => this.#compareLeaves(part, facts))
    }
  }

  #ask(hints: readonly Hint[], needs: FactNeeds, monotonicMs: number, compare: (facts: Facts) => void): void {
    const askAgain = (): void => this.#askAgain(hints.map(({ staged }) => staged))
    try {
      this.#vault.facts.request(needs, monotonicMs, (outcome) => {
        if ('code' in outcome) askAgain()
        else compare(outcome.facts)
      })
    } catch (error) {
      if (!(error instanceof TrustedApplicationError)) throw error
      askAgain()
    }
  }

  /** What is not the very commitment is looked at as a whole: only that tells another record from a changed one. */
  #compareLeaves(hints: readonly Hint[], facts: Facts): void {
    const others: Hint[] = []
    for (const hint of hints) {
      const { staged, item } = hint
      const [, , batchId, index, , block] = item
      const place = { batchId, index }
      const txId = this.#transactionAt(staged, place, facts)
      // Nothing stands there: the hint was wrong, or the organisations do not have the block yet.
      if (facts.findLeaf(place) === undefined) this.#askAgain([staged])
      else if (txId === undefined) others.push(hint)
      else if (block > facts.height + UNPROVEN_BLOCKS) this.#askAgain([staged])
      else this.#ready.push({ staged, place: { batchId, index, txId, block } })
    }
    if (others.length === 0) return
    const needs = { commitments: others.map(placeOf) }
    this.#ask(others, needs, this.#vault.now().monotonicMs, (whole) => this.#compare(others, whole))
  }

  #compare(hints: readonly Hint[], facts: Facts): void {
    for (const { staged, item } of hints) {
      const [recordId, version, batchId, index, , block] = item
      const record = facts.findCommitment({ batchId, index })
      const isShown = record?.recordId === recordId && record.version === version
      if (!isShown || block > facts.height + UNPROVEN_BLOCKS) {
        // The hint was wrong, the record may still come.
        this.#askAgain([staged])
      } else if (isCommitmentOf(record, staged.row)) {
        this.#ready.push({ staged, place: { batchId, index, txId: record.txId, block } })
      } else {
        this.#refused.push({ staged, code: 'COMMITMENT_MISMATCH' })
      }
    }
  }

  #askAgain(staged: readonly Staged[]): void {
    const atMs = this.#vault.now().monotonicMs + REWATCH_MS
    for (const one of staged) {
      one.isAsked = false
      this.#watchAgain.push({ staged: one, atMs })
    }
  }

  /**
   * Before the round is made durable, and after everything else of it has been appended to the log: completes what the
   * ledger has shown. All receipts of the round are of the log's size after it.
   */
  finish(nowMs: number): void {
    for (const { staged, code } of this.#refused) this.#drop(staged, code)
    this.#refused = []
    this.#dropForgotten(nowMs)
    const ready = this.#ready.filter(({ staged }) => this.#isStaged(staged) && this.#followsItsPredecessor(staged))
    this.#ready = []
    if (ready.length === 0) return
    const { index, patients, records, rewraps, store } = this.#vault
    const indexes = ready.map(({ staged: { row } }) =>
      this.#vault.log({
        t: row.chain === null ? 'store' : 'chain',
        timeMs: nowMs,
        actor: row.author,
        patient: patients.get(row.patient).ref,
        record: row.recordId,
        version: row.version,
        permission: 'warrant',
        place: row.hospital,
        digest: commitmentOf(row).ehrHash,
      }),
    )
    const logSize = store.nextSize
    for (const [i, { staged, place }] of ready.entries()) {
      const logIndex = indexes[i] ?? 0
      this.#supersede(staged.row)
      const row = records.complete(staged.row, { storedMs: nowMs, place, logIndex, logSize })
      index.add(row.patient, row.id, staged.words)
      const patient = patients.get(row.patient)
      // The treatment key changed while it waited.
      if (row.keyVersion !== patient.keyVersion) rewraps.add(patient)
      this.#remove(staged)
      for (const waiter of staged.waiters) settleOnce(waiter, { row })
    }
  }

  /** Questions to the host that this round gave rise to. */
  watch(monotonicMs: number): readonly EffectOf<'watch'>[] {
    const due = this.#watchAgain.filter(({ atMs }) => atMs <= monotonicMs)
    this.#watchAgain = this.#watchAgain.filter(({ atMs }) => atMs > monotonicMs)
    const all = [...this.#toWatch, ...due.map(({ staged }) => staged)].filter((staged) => this.#isStaged(staged))
    this.#toWatch = []
    const effects: EffectOf<'watch'>[] = []
    for (let at = 0; at < all.length; at += MAX_ITEMS) {
      const records = all.slice(at, at + MAX_ITEMS).map(({ row }) => [row.recordId, row.version] as const)
      effects.push({ fx: 'watch', records })
    }
    return effects
  }

  /** Clients do not wait for ever; the records do. */
  expire(monotonicMs: number): void {
    let over = 0
    for (const { waiter, untilMs } of this.#deadlines) {
      if (waiter.settle !== undefined && untilMs > monotonicMs) break
      over++
      settleOnce(waiter, { code: 'COMMITMENT_MISSING' })
    }
    if (over > 0) this.#deadlines = this.#deadlines.slice(over)
  }

  /** What nobody will ever commit does not take up room for ever. */
  #dropForgotten(nowMs: number): void {
    let left = EXPIRED_OF_ROUND
    for (const staged of this.#staged.values()) {
      if (left-- === 0 || nowMs - staged.row.stagedMs < MAX_STAGED_MS) return
      // What the ledger has shown in this very round comes after this.
      if (!this.#ready.some((ready) => ready.staged === staged)) this.#drop(staged, 'COMMITMENT_MISSING')
    }
  }

  /** Takes away what is staged of a record that is being erased. */
  dropOf(recordId: RecordId): void {
    for (const staged of this.#staged.values()) {
      if (staged.row.recordId === recordId) this.#drop(staged, 'RECORD_ERASED')
    }
  }

  #drop(staged: Staged, code: ErrorCode): void {
    if (!this.#isStaged(staged)) return
    const { row } = staged
    this.#vault.bodies.remove(row.id)
    this.#vault.texts.remove(row.id)
    this.#vault.records.unstage(row)
    this.#remove(staged)
    for (const waiter of staged.waiters) settleOnce(waiter, { code })
  }

  #isStaged(staged: Staged): boolean {
    return this.#staged.get(nameOf(staged.row.recordId, staged.row.version)) === staged
  }

  /** Two versions may have been staged on one predecessor: the one that the ledger took first stays. */
  #followsItsPredecessor(staged: Staged): boolean {
    const { row } = staged
    if (row.version === 1) return true
    const before = this.#vault.records.find(row.recordId, row.version - 1)
    if (before?.state === STORED && !before.superseded && equalBytes(before.ehrHash, row.previous)) return true
    this.#drop(staged, 'RECORD_VERSION_CONFLICT')
    return false
  }

  #supersede(row: RecordRow): void {
    if (row.version === 1) return
    const before = this.#vault.records.find(row.recordId, row.version - 1)
    if (before === undefined) throw new TypeError('the predecessor was there a moment ago')
    this.#vault.records.update({ ...before, superseded: true })
  }
}

function placeOf({ item: [, , batchId, index] }: Hint): CommitmentPlace {
  return { batchId, index }
}

function settleOnce(waiter: Waiter, outcome: UploadOutcome): void {
  const { settle } = waiter
  waiter.settle = undefined
  settle?.(outcome)
}

/** Whether the ledger's commitment is that of the row, every member and the author. */
function isCommitmentOf(shown: CommitmentRecord, row: RecordRow): boolean {
  return (
    shown.author === row.author &&
    shown.patientTag === encodeHex(row.patientTag) &&
    shown.doctorTag === encodeHex(row.doctorTag) &&
    shown.ehrHash === encodeHex(row.ehrHash) &&
    shown.warrantHash === encodeHex(row.warrantHash) &&
    shown.previous === encodeHex(row.previous)
  )
}

function nameOf(recordId: RecordId, version: number): string {
  return `${recordId}/${version}`
}
