/**
 * Where commitments stand: by record, by patient tag and by doctor tag, built from blocks. Readers use it to find all of
 * their own entries and the newest version of a record without asking the record server.
 *
 * It can always be built again from block 0; a file only saves that time. It proves nothing: what it finds is checked by
 * an endorsed read of `commitment`. In memory, about 400 bytes for each commitment.
 *
 * @module
 */
import { type CommitGroup, decodeCommitGroups, LedgerError } from '../../../shared/ledger-model/src/index.ts'
import { type BatchId, batchIdShape, type RecordId, type Sha256Hex } from '../../../shared/protocol/src/index.ts'
import { IndexFile } from './index-file.ts'
import type { IndexedBlock, IndexedCommitment } from './indexed-commitment.ts'
import type { CommittedTransaction, Ledger, LedgerBlock } from './port.ts'

export class CommitmentIndex {
  readonly #file: IndexFile | undefined
  readonly #records = new Map<string, IndexedCommitment[]>()
  readonly #patients = new Map<string, IndexedCommitment[]>()
  readonly #doctors = new Map<string, IndexedCommitment[]>()
  #height = -1
  #count = 0

  private constructor(file: IndexFile | undefined) {
    this.#file = file
  }

  /** @param path of a file that keeps the index; it is made, and built again where it was cut short. */
  static open(path?: string): CommitmentIndex {
    if (path === undefined) return new CommitmentIndex(undefined)
    const { file, blocks } = IndexFile.open(path)
    const index = new CommitmentIndex(file)
    for (const block of blocks) index.#add(block)
    return index
  }

  /** Number of the newest block in the index; -1 if it is empty. */
  get height(): number {
    return this.#height
  }

  /** Number of commitments. */
  get size(): number {
    return this.#count
  }

  /**
   * Takes the next block.
   * @returns the commitments that are new with it.
   * @throws {RangeError} if it is not the next one.
   */
  apply(block: LedgerBlock): readonly IndexedCommitment[] {
    if (block.number !== this.#height + 1) throw new RangeError('blocks are indexed in order')
    const commitments = block.transactions.flatMap(commitmentsOf)
    const indexed = { block: block.number, commitments }
    this.#add(indexed)
    this.#file?.append(indexed)
    return commitments
  }

  /** Takes blocks as they come, until `signal` is aborted. `onCommitments` is told of new ones, `onBlock` of every block. */
  async follow(
    ledger: Pick<Ledger, 'blocks'>,
    options: {
      readonly signal: AbortSignal
      readonly onCommitments?: (commitments: readonly IndexedCommitment[]) => void
      readonly onBlock?: (block: LedgerBlock) => void
    },
  ): Promise<void> {
    for await (const block of ledger.blocks(this.#height + 1, { signal: options.signal })) {
      const commitments = this.apply(block)
      if (commitments.length > 0) options.onCommitments?.(commitments)
      options.onBlock?.(block)
    }
  }

  /** All commitments to a record, in the order of the ledger; authors other than the record's may have put some there. */
  ofRecord(recordId: RecordId): readonly IndexedCommitment[] {
    return this.#records.get(recordId) ?? []
  }

  /**
   * The commitment with the highest version under one patient tag; the first on the ledger, if there are two.
   * @param patientTag the record's: without it, anybody could put a higher version of a stranger's record on the ledger.
   */
  newest(recordId: RecordId, patientTag: Sha256Hex): IndexedCommitment | undefined {
    let newest: IndexedCommitment | undefined
    for (const one of this.ofRecord(recordId)) {
      if (one.patientTag === patientTag && one.version > (newest?.version ?? 0)) newest = one
    }
    return newest
  }

  ofPatientTag(tag: Sha256Hex): readonly IndexedCommitment[] {
    return this.#patients.get(tag) ?? []
  }

  ofDoctorTag(tag: Sha256Hex): readonly IndexedCommitment[] {
    return this.#doctors.get(tag) ?? []
  }

  close(): void {
    this.#file?.close()
  }

  #add({ block, commitments }: IndexedBlock): void {
    for (const commitment of commitments) {
      append(this.#records, commitment.recordId, commitment)
      append(this.#patients, commitment.patientTag, commitment)
      append(this.#doctors, commitment.doctorTag, commitment)
    }
    this.#count += commitments.length
    this.#height = block
  }
}

/** Only a transaction that wrote its batch counts: a repeated one has no event. */
function commitmentsOf({ fn, status, args, event, txId, block }: CommittedTransaction): IndexedCommitment[] {
  if (fn !== 'commit' || status !== 'VALID' || event?.name !== 'BatchCommitted') return []
  const { batchId, groups } = batchOf(args)
  let index = 0
  return groups.flatMap(({ items }) =>
    items.map(({ recordId, version, patientTag, doctorTag }) => ({
      recordId,
      version,
      patientTag,
      doctorTag,
      batchId,
      index: index++,
      txId,
      block,
    })),
  )
}

function batchOf([batchText, groupsText = '']: readonly string[]): {
  batchId: BatchId
  groups: readonly CommitGroup[]
} {
  const groups = decodeCommitGroups(groupsText)
  if (groups === undefined) throw new LedgerError('LEDGER_BLOCK_INVALID', 'a committed batch is malformed')
  try {
    return { batchId: batchIdShape(batchText, 'batchId'), groups }
  } catch (cause) {
    throw new LedgerError('LEDGER_BLOCK_INVALID', 'a committed batch is malformed', { cause })
  }
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
