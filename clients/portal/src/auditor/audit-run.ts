/**
 * One check of everything, from the first block on: ledger and authors, every anchored checkpoint, the log as it is now,
 * the program of the record server, reports of misuse. It can be paused between two blocks, goes on there, and ends with
 * findings for a report. What could not be checked is never counted as right.
 *
 * @module
 */
import { encodeHex, equalBytes, decodeBase64url, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  approvedStarts,
  encodeConfiguration,
  LedgerError,
  type SuccessionRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  sha256Hex,
  type EvidenceResult,
  type ServerRef,
  type Sha256Hex,
} from '../../../../shared/protocol/src/index.ts'
import type { ChainProgress, ChainWalk } from '../../../sdk/src/audit/chain-walk.ts'
import { LogWalk, type FetchConsistency } from '../../../sdk/src/audit/log-walk.ts'
import type { AuditCheck, AuditFinding, AuditReport } from '../../../sdk/src/audit/report.ts'
import { checkWitnesses, type WitnessState } from './witnesses.ts'
import { codeOf, ClientError, isUnavailable } from '../../../sdk/src/errors.ts'

export interface AuditPorts {
  readonly crypto: Crypto
  readonly nowMs: () => number
  readonly channel: string
  readonly serverRef: ServerRef
  /** Keys of the ledger's nodes that this browser knows from elsewhere, b64u; each must have been in force. */
  readonly knownNodes: readonly string[]
  /** Absent where the blocks are of another ledger than ours: their check is skipped and said so. */
  readonly walk: ChainWalk | undefined
  readonly fetchConsistency: FetchConsistency
  /** What organisations voted about the record server, as the ledger has it. */
  readonly votes: () => Promise<Pick<SuccessionRecord, 'votes'>>
  /** The checkpoint that the record server shows now. */
  readonly fetchCheckpoint: () => Promise<string>
  /** What hospitals cosigned of that log, checked. @throws {ClientError} `WITNESS_TOO_FEW` */
  readonly witnesses: () => Promise<WitnessState>
  /** Verified evidence of a new session. @throws {ClientError} `ATTESTATION_*` */
  readonly evidence: () => Promise<EvidenceResult>
}

export type AuditPhase = 'ready' | 'ledger' | 'checkpoints' | 'log' | 'witnesses' | 'program' | 'misuse' | 'done'

/** What the page shows; plain data. */
export interface AuditState {
  readonly phase: AuditPhase
  readonly isRunning: boolean
  readonly chain: ChainProgress
  /** Checked and all, of the anchored checkpoints. */
  readonly checkpoints: { readonly done: number; readonly all: number }
  readonly findings: readonly AuditFinding[]
  /** Of the work itself, without pauses. */
  readonly elapsedMs: number
  /** Hex: fingerprint of the first block's configuration. */
  readonly genesis?: Sha256Hex
  /** Hex hash of the newest block that was checked. */
  readonly head?: Sha256Hex
}

const NOTHING: ChainProgress = { blocks: 0, height: 0, seen: 0, transactions: 0, records: 0 }
/** Between two reports of progress. */
const REPORT_EVERY_MS = 100

export class AuditRun {
  readonly #ports: AuditPorts
  #phase: AuditPhase = 'ready'
  #isRunning = false
  #elapsedMs = 0
  #startedMs = 0
  #endedMs = 0
  #reportedMs = 0
  #log: LogWalk | undefined
  #checkpoints = { done: 0, all: 0 }
  readonly #findings: AuditFinding[] = []

  constructor(ports: AuditPorts) {
    this.#ports = ports
  }

  get state(): AuditState {
    const { walk } = this.#ports
    const genesis = this.#genesis()
    return {
      phase: this.#phase,
      isRunning: this.#isRunning,
      chain: walk?.progress ?? NOTHING,
      checkpoints: this.#checkpoints,
      findings: [...this.#findings],
      elapsedMs: this.#elapsedMs,
      ...(genesis === undefined ? {} : { genesis }),
      ...(walk?.head === undefined ? {} : { head: sha256Hex(walk.head.hash) }),
    }
  }

  /** Works until everything is checked or `signal` is aborted; call it again to go on. */
  async run(signal: AbortSignal, onProgress: (state: AuditState) => void): Promise<AuditState> {
    if (this.#isRunning || this.#phase === 'done') return this.state
    this.#isRunning = true
    let sinceMs = this.#ports.nowMs()
    if (this.#startedMs === 0) this.#startedMs = sinceMs
    const report = (): void => {
      const nowMs = this.#ports.nowMs()
      this.#elapsedMs += nowMs - sinceMs
      sinceMs = nowMs
      if (nowMs - this.#reportedMs < REPORT_EVERY_MS) return
      this.#reportedMs = nowMs
      onProgress(this.state)
    }
    try {
      for (const [phase, step] of this.#steps(signal, report)) {
        if (this.#isBehind(phase)) continue
        this.#phase = phase
        if (!(await step())) break
        report()
        if (phase === 'misuse') this.#end()
      }
    } finally {
      this.#isRunning = false
      report()
    }
    return this.state
  }

  /** Once it is done. */
  report(): AuditReport {
    const { chain, findings, head, genesis } = this.state
    if (this.#phase !== 'done') throw new RangeError('the check is not done')
    return {
      v: 1,
      channel: this.#ports.channel,
      startedMs: this.#startedMs,
      endedMs: this.#endedMs,
      blocks: chain.blocks,
      ...(chain.seen === 0 ? {} : { seen: chain.seen }),
      transactions: chain.transactions,
      records: chain.records,
      checkpoints: this.#checkpoints.done,
      ...(head === undefined ? {} : { head }),
      genesis: genesis ?? ('00'.repeat(32) as Sha256Hex),
      findings: [...findings],
    }
  }

  #end(): void {
    this.#phase = 'done'
    this.#endedMs = this.#ports.nowMs()
  }

  /** A phase that is over; each step but the ledger's is one question, so a pause between them loses nothing. */
  #isBehind(phase: AuditPhase): boolean {
    return PHASES.indexOf(phase) < PHASES.indexOf(this.#phase)
  }

  #steps(signal: AbortSignal, report: () => void): readonly (readonly [AuditPhase, () => Promise<boolean>])[] {
    return [
      ['ledger', () => this.#ledger(signal, report)],
      ['checkpoints', () => this.#anchored(signal, report)],
      ['log', () => this.#one('log', () => this.#now())],
      ['witnesses', () => this.#witnesses()],
      ['program', () => this.#one('program', async () => void (await this.#ports.evidence()))],
      ['misuse', () => Promise.resolve(this.#misuse())],
    ]
  }

  async #ledger(signal: AbortSignal, report: () => void): Promise<boolean> {
    const { walk } = this.#ports
    if (walk === undefined) {
      this.#add('ledger', skipped())
      this.#add('authors', skipped())
      return true
    }
    try {
      if (!(await walk.run({ signal, onProgress: report }))) return false
      this.#checkNodes(walk)
      this.#findings.push({ check: 'ledger', result: 'pass' }, { check: 'authors', result: 'pass' })
    } catch (error) {
      // A source that is away may come back: the next run asks again.
      if (isUnavailable(error)) throw error
      this.#add('ledger', error)
      this.#add('authors', skipped())
    }
    return true
  }

  /** The keys that this browser believes elsewhere are those of this chain. */
  #checkNodes(walk: ChainWalk): void {
    const inForce = walk.facts.configurations.flatMap(({ configuration }) => configuration.nodes)
    for (const known of this.#ports.knownNodes) {
      const key = decodeBase64url(known)
      if (!inForce.some(({ publicKey }) => equalBytes(publicKey, key))) {
        throw new ClientError('LEDGER_CONFIGURATION_REJECTED')
      }
    }
  }

  async #anchored(signal: AbortSignal, report: () => void): Promise<boolean> {
    const { walk, serverRef, crypto, fetchConsistency, votes } = this.#ports
    const server = walk?.facts.participants.get(serverRef)
    if (walk === undefined || server === undefined || this.#failed('ledger')) {
      this.#add('checkpoints', skipped())
      return true
    }
    const records = walk.facts.checkpoints.get(serverRef) ?? []
    try {
      if (this.#log === undefined) {
        const organizations = walk.facts.configurations.at(-1)?.configuration.organizations ?? []
        const members = organizations.map(({ mspId }) => mspId)
        this.#log = new LogWalk({ crypto, server, fetchConsistency, starts: approvedStarts(await votes(), members) })
      }
      for (const record of records.slice(this.#log.epoch)) {
        if (signal.aborted) return false
        await this.#log.next(record)
        this.#checkpoints = { done: this.#log.epoch, all: records.length }
        report()
      }
      this.#findings.push(checkpointsOf(this.#log))
    } catch (error) {
      this.#add('checkpoints', error)
    }
    return true
  }

  async #now(): Promise<void> {
    if (this.#log === undefined || this.#failed('checkpoints')) throw skipped()
    await this.#log.now(await this.#ports.fetchCheckpoint())
  }

  async #witnesses(): Promise<boolean> {
    const { crypto, fetchConsistency, witnesses } = this.#ports
    try {
      const state = await witnesses()
      // A fault of the checkpoints stands there; what hospitals saw is compared with what holds.
      const anchored = this.#failed('checkpoints') ? undefined : this.#log?.newest
      await checkWitnesses(crypto, state, anchored, fetchConsistency)
      const { organizations, all, refused } = state
      this.#findings.push({
        check: 'witnesses',
        result: refused === 0 ? 'pass' : 'note',
        detail: `organizations: ${organizations}; all: ${all}`,
      })
    } catch (error) {
      this.#add('witnesses', error)
    }
    return true
  }

  /** Reports that were made are never a pass: whether they are right, people must find out. */
  #misuse(): boolean {
    const reports = this.#ports.walk?.facts.misuse
    if (reports === undefined || this.#failed('ledger')) {
      this.#add('misuse', skipped())
      return true
    }
    const open = reports.filter(({ settled }) => settled === undefined).length
    this.#findings.push(
      reports.length === 0
        ? { check: 'misuse', result: 'pass' }
        : { check: 'misuse', result: 'note', detail: `reports: ${reports.length}; open: ${open}` },
    )
    return true
  }

  async #one(check: AuditCheck, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      this.#findings.push({ check, result: 'pass' })
    } catch (error) {
      this.#add(check, error)
    }
    return true
  }

  #failed(check: AuditCheck): boolean {
    return this.#findings.some((one) => one.check === check && (one.result === 'fail' || one.result === 'skip'))
  }

  /** A refusal is a finding; a part that was away is a skipped check; a fault of this program is neither. */
  #add(check: AuditCheck, error: unknown): void {
    const code = codeOf(error)
    if (code === undefined) throw error
    const block = error instanceof LedgerError ? error.block : undefined
    const result = code === 'CLIENT_CHECK_SKIPPED' || isUnavailable(error) ? 'skip' : 'fail'
    const detail = error instanceof LedgerError ? error.message : undefined
    this.#findings.push({
      check,
      result,
      code,
      ...(block === undefined ? {} : { block }),
      ...(detail === undefined ? {} : { detail: detail.slice(0, 1_024) }),
    })
  }

  #genesis(): Sha256Hex | undefined {
    const first = this.#ports.walk?.facts.configurations[0]
    if (first === undefined) return undefined
    return encodeHex(this.#ports.crypto.sha256(encodeConfiguration(first.configuration))) as Sha256Hex
  }
}

const PHASES: readonly AuditPhase[] = [
  'ready',
  'ledger',
  'checkpoints',
  'log',
  'witnesses',
  'program',
  'misuse',
  'done',
]

/** What was given up with the organisations' leave is no fault, and never without a word. */
function checkpointsOf({ givenUp }: LogWalk): AuditFinding {
  if (givenUp.length === 0) return { check: 'checkpoints', result: 'pass' }
  const entries = givenUp.reduce((sum, { size, anchoredSize }) => sum + anchoredSize - size, 0)
  return { check: 'checkpoints', result: 'note', detail: `entries: ${entries}` }
}

function skipped(): ClientError {
  return new ClientError('CLIENT_CHECK_SKIPPED')
}
