/**
 * Checks a record without believing whoever delivered it: seven checks, each pass, fail or skip, each with its reason.
 * Text and salt come from the record server; everything they are compared with comes from the ledger, read with the
 * reader's own nonce by a way that does not pass that server. Spec: docs/protocol/04-records.md, 06, 07.
 *
 * @module
 */
import {
  decodeBase64url,
  encodeHex,
  equalBytes,
  type Crypto,
  type VerifyingKey,
} from '../../../shared/crypto/src/index.ts'
import {
  batchRecordShape,
  commitmentRecordsShape,
  participantRecordShape,
  patientKeysShape,
  warrantRecordShape,
  type BatchRecord,
  type CommitmentRecord,
  type ParticipantRecord,
} from '../../../shared/ledger-model/src/index.ts'
import {
  commitmentFromJson,
  ehrHash,
  parseWarrant,
  verifyCommitments,
  verifyWarrant,
  warrantHash,
  type EvidenceResult,
  type Kid,
  type PatientRef,
  type RecordId,
} from '../../../shared/protocol/src/index.ts'
import { ClientError } from './errors.ts'
import { readLedger } from './ledger-reader.ts'
import { checkLogPlace, type LogEntryMembers } from './log-place.ts'
import type { LedgerReader } from './ports.ts'
import type { RecordAnswer } from './record-answer.ts'
import { runCheck, serverReason } from './run-check.ts'
import type { Check, CheckId, SealInput } from './seal.ts'

/** Where a version stands on the ledger. A hint from an index: what it points at is read and compared. */
export interface VersionPlace {
  readonly version: number
  readonly batchId: string
  readonly index: number
}

export interface VerifyOptions {
  readonly crypto: Crypto
  readonly ledger: LedgerReader
  readonly nowMs: () => number
  /** TEE server that delivered the record. */
  readonly serverRef: string
  /** Whose record it must be, where the reader knows. */
  readonly patient?: PatientRef
  /** All versions of a record that the ledger has. Absent: the check for a newer version cannot run. */
  readonly findVersions?: (record: RecordId) => Promise<readonly VersionPlace[]>
  /** Consistency proof between two sizes of the server's log. Absent: the log cannot be compared with the ledger. */
  readonly consistencyProof?: (from: number, to: number) => Promise<readonly Uint8Array[]>
  /** What the server proved in this session. Absent (a downloaded file): that check cannot run. */
  readonly evidence?: EvidenceResult
}

/** The result, ready for `sealOf`. */
export interface RecordReport extends SealInput {
  readonly recordId: RecordId
  readonly version: number
  /** From the ledger, when it could be read. */
  readonly author?: { readonly ref: string; readonly mspId: string }
  readonly block: number
  readonly batchId: string
  readonly txId: string
  readonly ledgerSource: string
}

export async function verifyRecord(answer: RecordAnswer, options: VerifyOptions): Promise<RecordReport> {
  const run = new Verification(answer, options)
  const checks = await run.checks()
  return {
    recordId: answer.recordId,
    version: answer.version,
    checks,
    practice: options.ledger.isPractice || (options.evidence?.simulated ?? false),
    block: answer.commitment.block,
    batchId: answer.commitment.batchId,
    txId: answer.commitment.txId,
    ledgerSource: options.ledger.source,
    ...(run.replacedMs === undefined ? {} : { replacedMs: run.replacedMs }),
    ...(run.newerMs === undefined ? {} : { newerMs: run.newerMs }),
    ...(run.author === undefined ? {} : { author: { ref: run.author.ref, mspId: run.author.mspId } }),
  }
}

class Verification {
  readonly #answer: RecordAnswer
  readonly #options: VerifyOptions
  #batch: Promise<BatchRecord> | undefined
  author: ParticipantRecord | undefined
  /** When the ledger took the version that replaced this one. */
  replacedMs: number | undefined
  /** When the ledger took a newer version that was not given to the reader. */
  newerMs: number | undefined

  constructor(answer: RecordAnswer, options: VerifyOptions) {
    this.#answer = answer
    this.#options = options
  }

  async checks(): Promise<Check[]> {
    const text = await this.#run('text', () => this.#text())
    // Nothing else can be believed of a text that is not the one that was signed.
    if (text.result === 'fail') return [text]
    const others = await Promise.all([
      this.#run('signature', () => this.#signature()),
      this.#run('permission', () => this.#permission()),
      this.#run('ledger', () => this.#ledgerEntry()),
      this.#run('log', () => this.#log()),
      this.#run('newest', () => this.#newest()),
      this.#run('server', () => serverReason(this.#options.evidence)),
    ])
    return [text, ...others]
  }

  #text(): string {
    const { answer, crypto } = this.#parts()
    const { commitment } = answer
    if (commitment.recordId !== answer.recordId || commitment.version !== answer.version) {
      throw new ClientError('COMMITMENT_MISMATCH')
    }
    if (!equalBytes(ehrHash(crypto, answer.salt, answer.ehr), commitment.ehrHash)) {
      throw new ClientError('RECORD_HASH_MISMATCH', { detail: 'The text does not match what was signed.' })
    }
    return 'The text matches its fingerprint.'
  }

  async #signature(): Promise<string> {
    const { answer, crypto, ledger } = this.#parts()
    const batch = await this.#readBatch()
    const { group } = groupAt(batch, answer.commitment.index)
    if (group.author !== answer.author) throw new ClientError('COMMIT_SIGNATURE_INVALID')
    const { value: author } = await readLedger(ledger, 'participant', [group.author], participantRecordShape)
    const items = group.items.map(commitmentFromJson)
    const signature = decodeBase64url(group.signature)
    const isSigned = keysOf(crypto, author).some((key) =>
      verifyCommitments(crypto, key, group.author, items, signature),
    )
    if (!isSigned) throw new ClientError('COMMIT_SIGNATURE_INVALID')
    this.author = author
    return `Signed by ${author.ref}; ${author.mspId} vouches for the key.`
  }

  async #permission(): Promise<string> {
    const { answer, crypto, ledger, patient: expected } = this.#parts()
    if (!equalBytes(warrantHash(crypto, answer.warrant), answer.commitment.warrantHash)) {
      throw new ClientError('WARRANT_PARTY_MISMATCH')
    }
    const patient = parseWarrant(answer.warrant).payload.iss
    if (expected !== undefined && patient !== expected) throw new ClientError('WARRANT_PARTY_MISMATCH')
    const { value: known } = await readLedger(ledger, 'keysOf', [patient], patientKeysShape)
    const patientKeys = new Map<Kid, VerifyingKey>(
      known.keys.map((key) => [key.kid, crypto.importVerifyingKey(decodeBase64url(key.publicKey))]),
    )
    const warrant = verifyWarrant(crypto, answer.warrant, { patient, patientKeys })
    if (!warrant.doctors.includes(answer.author)) throw new ClientError('WARRANT_PARTY_MISMATCH')
    const { value: recorded } = await readLedger(ledger, 'warrant', [warrant.jti], warrantRecordShape)
    if (recorded.warrantHash !== encodeHex(answer.commitment.warrantHash)) throw new ClientError('WARRANT_NOT_RECORDED')
    const { timeMs: committedMs } = await this.#readBatch()
    if (committedMs < warrant.nbf * 1000) throw new ClientError('WARRANT_NOT_YET_VALID')
    if (committedMs >= warrant.exp * 1000) throw new ClientError('WARRANT_EXPIRED')
    if (recorded.revokedMs !== null && recorded.revokedMs <= committedMs) throw new ClientError('WARRANT_REVOKED')
    return 'The patient had allowed it; the permission is recorded.'
  }

  async #ledgerEntry(): Promise<string> {
    const { answer } = this.#parts()
    const { item } = groupAt(await this.#readBatch(), answer.commitment.index)
    if (!isSameCommitment(item, answer)) throw new ClientError('COMMITMENT_MISMATCH')
    return `In the hospitals' shared ledger, block ${answer.commitment.block}.`
  }

  async #log(): Promise<string> {
    const { answer, serverRef, crypto, ledger, consistencyProof } = this.#parts()
    const epoch = await checkLogPlace(answer.log, (entry) => isEntryOf(entry, answer), {
      crypto,
      ledger,
      serverRef,
      consistencyProof,
    })
    return `In the record server's log, entry ${answer.log.index}; the log is stored in the ledger (epoch ${epoch}).`
  }

  async #newest(): Promise<string> {
    const { answer, findVersions } = this.#parts()
    if (findVersions === undefined) {
      throw new ClientError('CLIENT_CHECK_SKIPPED', { detail: 'No index of the ledger could be asked.' })
    }
    const places = await findVersions(answer.recordId)
    const newest = places.reduce<VersionPlace | undefined>(
      (best, place) => (best === undefined || place.version > best.version ? place : best),
      undefined,
    )
    if (newest !== undefined && newest.version > answer.latestVersion) {
      const found = await this.#placed(newest)
      if (found !== undefined && found.version > answer.latestVersion) {
        this.newerMs = found.timeMs
        throw new ClientError('STATE_ROLLED_BACK', { detail: 'A newer version exists and was not given to you.' })
      }
    }
    if (answer.latestVersion === answer.version) return 'This is the newest version.'
    const next = places.find(({ version }) => version === answer.version + 1)
    const replaced = next === undefined ? undefined : await this.#placed(next)
    if (replaced?.version !== answer.version + 1) {
      throw new ClientError('CLIENT_CHECK_SKIPPED', { detail: 'The version that replaced this one was not found.' })
    }
    this.replacedMs = replaced.timeMs
    return `A newer version exists and was offered: version ${answer.latestVersion}.`
  }

  /** What stands on the ledger where an index says that a version of this record is. */
  async #placed({ batchId, index }: VersionPlace): Promise<CommitmentRecord | undefined> {
    const { answer, ledger } = this.#parts()
    const place = JSON.stringify([[batchId, index]])
    const { value } = await readLedger(ledger, 'commitments', [place], commitmentRecordsShape)
    const [found] = value as readonly (CommitmentRecord | undefined)[]
    return found?.recordId === answer.recordId ? found : undefined
  }

  #readBatch(): Promise<BatchRecord> {
    const { answer, ledger } = this.#parts()
    this.#batch ??= readLedger(ledger, 'batch', [answer.commitment.batchId], batchRecordShape).then(
      ({ value }) => value,
    )
    return this.#batch
  }

  #parts(): VerifyOptions & { readonly answer: RecordAnswer } {
    return { ...this.#options, answer: this.#answer }
  }

  #run(id: CheckId, work: () => Promise<string> | string): Promise<Check> {
    return runCheck(id, this.#options.nowMs, work)
  }
}

/** All keys that were ever the participant's: an old signature stays good after a renewal. */
function keysOf(crypto: Crypto, participant: ParticipantRecord): VerifyingKey[] {
  return [participant.publicKey, ...participant.earlierKeys.map(({ publicKey }) => publicKey)].map((key) =>
    crypto.importVerifyingKey(decodeBase64url(key)),
  )
}

function groupAt(
  batch: BatchRecord,
  index: number,
): { group: BatchRecord['groups'][number]; item: BatchRecord['groups'][number]['items'][number] } {
  let first = 0
  for (const group of batch.groups) {
    const item = group.items[index - first]
    if (item !== undefined) return { group, item }
    first += group.items.length
  }
  throw new ClientError('COMMITMENT_MISMATCH')
}

function isSameCommitment(item: BatchRecord['groups'][number]['items'][number], answer: RecordAnswer): boolean {
  const onLedger = commitmentFromJson(item)
  const { commitment } = answer
  return (
    onLedger.recordId === commitment.recordId &&
    onLedger.version === commitment.version &&
    equalBytes(onLedger.patientTag, commitment.patientTag) &&
    equalBytes(onLedger.doctorTag, commitment.doctorTag) &&
    equalBytes(onLedger.ehrHash, commitment.ehrHash) &&
    equalBytes(onLedger.warrantHash, commitment.warrantHash) &&
    equalBytes(onLedger.previous, commitment.previous)
  )
}

/** The entry tells of this version and of this fingerprint (§8.3). */
function isEntryOf(entry: LogEntryMembers, answer: RecordAnswer): boolean {
  const { t, record, version, digest } = entry
  return (
    (t === 'store' || t === 'chain') &&
    record === answer.recordId &&
    version === answer.version &&
    digest instanceof Uint8Array &&
    equalBytes(digest, answer.commitment.ehrHash)
  )
}
