/**
 * What an auditor asks of the worker: one check of everything that can be paused, blocks to look at, and answers to
 * whatever is pasted. Answers are plain data.
 *
 * @module
 */
import { decodeBase64url, decodeHex, encodeHex } from '../../../../shared/crypto/src/index.ts'
import {
  batchRecordShape,
  approvedStarts,
  blockHash,
  commitmentRecordsShape,
  decodeBlocks,
  decodeConfiguration,
  decodeConfigurationUpdate,
  decodeHeader,
  decodeTransaction,
  participantRecordShape,
  serverNoteKeys,
  type EncodedBlock,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  commitmentFromJson,
  commitmentOfReceipt,
  commitmentToJson,
  parseJson,
  struct,
  text,
  uint,
  verifyReceipt,
  type Commitment,
  type MspId,
  type Receipt,
  type RecordId,
  type ServerRef,
  type TxId,
} from '../../../../shared/protocol/src/index.ts'
import { ChainWalk, type BlockPage } from '../../../sdk/src/audit/chain-walk.ts'
import { LogWalk } from '../../../sdk/src/audit/log-walk.ts'
import { recognise } from '../../../sdk/src/audit/recognise.ts'
import { signAuditReport } from '../../../sdk/src/audit/report.ts'
import { readCheckpoints, readVotes } from '../../../sdk/src/auditor.ts'
import { ClientError, codeOf } from '../../../sdk/src/errors.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import { Participant } from '../../../sdk/src/participant.ts'
import type { WorkerContext } from '../session/worker-context.ts'
import { AuditRun, type AuditState } from './audit-run.ts'
import { checkStorageOf } from './check-storage.ts'
import { readWitnessState, refusalCode, type WitnessState } from './witnesses.ts'
import { CheckedBlocks, type LastCheck } from './checked-blocks.ts'

const PAGE = 100
/** A closed tab loses no more than this. */
const SAVE_EVERY_MS = 2_000
/** No block has this number: the answer says how many there are. */
const BEYOND = 999_999_999_999
const pageShape = struct({ height: uint(), blocks: text({ max: 89_478_486 }) })

/** The check, and what this browser remembers of earlier ones. */
export interface AuditView extends AuditState {
  /** Blocks whose hashes are kept from an earlier run, and since when; 0 after "from the first block again". */
  readonly kept: { readonly blocks: number; readonly savedMs: number }
  readonly last?: LastCheck
  /** Fabric: its blocks are not checked in a browser. */
  readonly isForeign: boolean
}

export interface TransactionRow {
  readonly txId: string
  readonly fn: string
  readonly status: string
  readonly mspId: string
  readonly timeMs: number
}

export interface BlockRow {
  readonly number: number
  readonly hash: string
  readonly timeMs: number
  readonly kind: 'config' | 'data'
  readonly transactions: readonly TransactionRow[]
  /** The running check has passed it. */
  readonly isChecked: boolean
}

export interface BlockDetails extends BlockRow {
  readonly previous: string
  readonly calls: readonly (TransactionRow & { readonly args: readonly string[]; readonly event: string })[]
  readonly configuration?: {
    readonly channel: string
    readonly sequence: number
    readonly organizations: readonly string[]
    readonly nodes: readonly { readonly mspId: string; readonly key: string }[]
    readonly quorum: number
  }
}

export interface ServerRow {
  readonly ref: string
  readonly mspId: string
  readonly status: string
  readonly teeKind: string
  readonly measurements: readonly string[]
  readonly checkpoints: number
  readonly newestSize: number
}

export interface CheckpointRow {
  readonly server: string
  readonly epoch: number
  readonly size: number
  readonly root: string
  readonly timeMs: number
  readonly block: number
}

export interface MisuseRow {
  readonly subject: string
  readonly code: string
  readonly reporter: string
  readonly mspId: string
  readonly timeMs: number
  readonly block: number
  readonly evidence: readonly string[]
  /** When an administrator of the subject's organisation reinstated the subject; absent: open. */
  readonly settled?: { readonly block: number; readonly timeMs: number }
  /** Of the subject now. */
  readonly status: string
}

/** An answer to something that was pasted. `facts` are for a list of names and values. */
export type Found =
  | { readonly kind: 'block'; readonly block: number; readonly txId?: string }
  | { readonly kind: 'facts'; readonly title: string; readonly checked: boolean; readonly facts: readonly FactRow[] }
  | { readonly kind: 'places'; readonly places: readonly PlaceRow[] }
  | { readonly kind: 'record-file' }
  /** Blocks of Fabric are not read in a browser. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unknown' }

export interface FactRow {
  readonly label: string
  readonly value: string
}

export interface PlaceRow {
  readonly record: string
  readonly version: number
  readonly batch: string
  readonly index: number
  readonly author: string
  readonly timeMs: number
  readonly txId: string
  readonly block: number | undefined
}

interface Run {
  readonly audit: AuditRun
  readonly walk: ChainWalk | undefined
  readonly kept: CheckedBlocks
}

export function auditorArea(context: WorkerContext) {
  let run: Promise<Run> | undefined
  let runOf: string | undefined
  let stop = new AbortController()

  const client = () => context.client(Participant)

  async function page(from: number, limit = PAGE): Promise<BlockPage> {
    const { options, identity } = await client()
    const as = { ref: identity.ref, signer: identity.signer }
    const { height, blocks } = await options.hospital.blocks(as, from, limit, pageShape)
    return { height, blocks: decodeBlocks(decodeBase64url(blocks)) }
  }

  /** The check of who acts; another identity begins anew. */
  async function current(): Promise<Run> {
    const { kept } = await context.acting()
    if (run === undefined || runOf !== kept.id) {
      runOf = kept.id
      run = begin()
      run.catch(() => (run = undefined))
    }
    return await run
  }

  async function begin(): Promise<Run> {
    const { kept: identity } = await context.acting()
    const sam = await client()
    const { facts } = identity
    const { crypto } = context
    const kept = await CheckedBlocks.open(checkStorageOf(identity.id))
    // The newer one: a chain that does not contain it is another one, or was cut off.
    const [expected] = [kept.head, expectedHead(identity.extra)]
      .filter((one) => one !== undefined)
      .toSorted((a, b) => b.number - a.number)
    // Blocks of Fabric are another format: the command line checks them.
    const walk =
      facts.fabric === undefined
        ? new ChainWalk({
            crypto,
            fetchBlocks: (from) => page(from),
            turn: nextTurn,
            seen: (number) => kept.hashOf(number),
            onBlock: (number, hash) => kept.take(number, hash),
            ...(expected === undefined ? {} : { expectedHead: expected }),
          })
        : undefined
    const audit = new AuditRun({
      crypto,
      nowMs: () => context.clock.nowMs(),
      channel: facts.channel,
      serverRef: facts.serverRef,
      knownNodes: facts.nodes.map(({ publicKey }) => publicKey),
      walk,
      fetchConsistency: (from, to) => sam.consistencyProof(from, to),
      votes: () => readVotes(sam.options.ledger, facts.serverRef),
      fetchCheckpoint: () => sam.checkpoint(),
      witnesses: () => witnesses(),
      evidence: async () => {
        context.reconnect()
        return await (await client()).evidence()
      },
    })
    return { audit, walk, kept }
  }

  /** Organisations of the ledger: by the newest configuration that was checked, before a check by the first one. */
  async function members(): Promise<readonly MspId[]> {
    const { hospital, hospitals, nodes, fabric } = (await context.acting()).kept.facts
    const known = [hospital, ...hospitals, ...nodes, ...(fabric?.organizations ?? [])].map(({ mspId }) => mspId)
    const { walk } = await current()
    const checked = walk?.facts.configurations.at(-1)?.configuration
    const configured = checked ?? (walk === undefined ? undefined : configurationIn((await page(0, 1)).blocks[0]))
    return [...new Set([...known, ...(configured?.organizations ?? []).map(({ mspId }) => mspId)])]
  }

  function configurationIn(block: EncodedBlock | undefined) {
    const update = block?.transactions[0]
    if (update === undefined) return undefined
    return decodeConfiguration(context.crypto, decodeConfigurationUpdate(update).configuration)
  }

  async function witnesses(): Promise<WitnessState> {
    const { facts } = (await context.acting()).kept
    const { crypto } = context
    const { ledger } = (await client()).options
    const ask = async (path: string) => {
      try {
        const response = await fetch(location.origin + path, { cache: 'no-store' })
        return { ok: response.ok, answer: await response.text() }
      } catch (cause) {
        throw new ClientError('SERVER_UNAVAILABLE', { cause })
      }
    }
    const { serverRef } = facts
    const organizations = await members()
    return await readWitnessState({
      crypto,
      ledger,
      serverRef,
      organizations,
      async fetchCosigned() {
        // With as many hospitals as there are, else with as many as did.
        for (let least = organizations.length; least > 0; least--) {
          const { ok, answer } = await ask(`/record-server/v1/checkpoint/cosigned?least=${least}`)
          if (ok) return answer
          const refusal = refusalCode(answer)
          if (refusal.code !== 'WITNESS_TOO_FEW') throw refusal
        }
        return undefined
      },
      async fetchRemembered() {
        const { ok, answer } = await ask(`/v1/witness/${serverRef}`)
        if (!ok) throw refusalCode(answer)
        return answer
      },
    })
  }

  function viewOf({ audit, walk, kept }: Run, state: AuditState = audit.state): AuditView {
    return {
      ...state,
      kept: { blocks: kept.count, savedMs: kept.savedMs },
      ...(kept.last === undefined ? {} : { last: kept.last }),
      isForeign: walk === undefined,
    }
  }

  const rowOf = (block: EncodedBlock, checked: number): BlockRow => {
    const { number, timeMs, kind } = decodeHeader(block.header)
    const transactions = kind === 'config' ? [] : block.transactions.map((bytes) => transactionOf(bytes).row)
    const hash = encodeHex(blockHash(context.crypto, block.header))
    return { number, hash, timeMs, kind, transactions, isChecked: number < checked }
  }

  function transactionOf(bytes: Uint8Array) {
    const { txId, proposal, status, event } = decodeTransaction(context.crypto, bytes)
    const { fn, mspId, timeMs, args } = proposal
    return { row: { txId, fn, status, mspId, timeMs }, args, event: event?.name ?? '' }
  }

  return {
    async state(): Promise<AuditView> {
      return viewOf(await current())
    },

    /** Begins or goes on; resolves when it is done or paused. What was checked is kept over a reload. */
    async verify(report?: (state: AuditView) => void): Promise<AuditView> {
      const now = await current()
      const { audit, walk, kept } = now
      const nowMs = () => context.clock.nowMs()
      stop = new AbortController()
      let savedMs = nowMs()
      const onProgress = (state: AuditState) => {
        report?.(viewOf(now, state))
        if (nowMs() - savedMs < SAVE_EVERY_MS) return
        savedMs = nowMs()
        // A failure shows when the run ends.
        kept.save(savedMs).catch(() => undefined)
      }
      let state: AuditState
      try {
        state = await audit.run(stop.signal, onProgress)
      } finally {
        await kept.save(nowMs())
      }
      if (state.phase === 'done') {
        const count = (result: string) => state.findings.filter((one) => one.result === result).length
        const { blocks } = state.chain
        const last = { faults: count('fail'), skipped: count('skip'), notes: count('note') }
        await kept.keepLast({ endedMs: nowMs(), blocks, ...last })
        const isWhole = !state.findings.some(({ check, result }) => check === 'ledger' && result !== 'pass')
        if (walk?.head !== undefined && isWhole) await keepHead(walk.head.number, encodeHex(walk.head.hash))
      }
      return viewOf(now, state)
    },

    pause(): Promise<void> {
      stop.abort()
      return Promise.resolve()
    },

    /** From the first block again, every signature: what is kept of earlier checks is forgotten, but for the last hash. */
    async startAgain(): Promise<AuditView> {
      stop.abort()
      await (await current()).kept.clear()
      run = undefined
      return viewOf(await current())
    },

    /** The next check: blocks that were checked are compared with what is kept of them. */
    async startNext(): Promise<AuditView> {
      stop.abort()
      run = undefined
      return viewOf(await current())
    },

    /** The signed report, once everything is checked. */
    async report(): Promise<string> {
      const { audit } = await current()
      const { identity } = await client()
      return await signAuditReport(audit.report(), identity.ref, identity.signer)
    },

    /** Newest first: `limit` blocks up to `newest`; the newest of all if it is not given. */
    async blocks(newest: number | undefined, limit: number) {
      const { walk } = await current()
      if (walk === undefined) return { height: 0, blocks: [], isForeign: true }
      const { height } = newest === undefined ? await page(BEYOND, 1) : { height: newest }
      const last = Math.min(newest ?? height, height)
      const from = Math.max(0, last - limit + 1)
      const found = await page(from, last - from + 1)
      const checked = walk.progress.blocks
      const blocks = found.blocks.map((block) => rowOf(block, checked)).toReversed()
      return { height: found.height, blocks, isForeign: false }
    },

    async block(number: number): Promise<BlockDetails> {
      const { walk } = await current()
      const [block] = (await page(number, 1)).blocks
      if (block === undefined) throw new ClientError('HTTP_NOT_FOUND')
      const row = rowOf(block, walk?.progress.blocks ?? 0)
      const previous = encodeHex(decodeHeader(block.header).previous)
      if (row.kind === 'data') {
        const calls = block.transactions.map((bytes) => {
          const { row: transaction, args, event } = transactionOf(bytes)
          return { ...transaction, args: args.map(readable), event }
        })
        return { ...row, previous, calls }
      }
      const update = decodeConfigurationUpdate(block.transactions[0] ?? new Uint8Array())
      const { channel, sequence, organizations, nodes, quorum } = decodeConfiguration(
        context.crypto,
        update.configuration,
      )
      const configuration = {
        channel,
        sequence,
        quorum,
        organizations: organizations.map(({ mspId }) => mspId),
        nodes: nodes.map(({ mspId, publicKey }) => ({
          mspId,
          key: encodeHex(context.crypto.sha256(publicKey)),
        })),
      }
      return { ...row, previous, calls: [], configuration }
    },

    /** What the blocks say that were checked so far. */
    async facts(): Promise<{
      readonly blocks: number
      readonly height: number
      readonly isForeign: boolean
      readonly servers: readonly ServerRow[]
      readonly checkpoints: readonly CheckpointRow[]
      readonly misuse: readonly MisuseRow[]
    }> {
      const { walk } = await current()
      if (walk === undefined) return { blocks: 0, height: 0, isForeign: true, servers: [], checkpoints: [], misuse: [] }
      const { facts, progress } = walk
      const checkpoints = [...facts.checkpoints.values()]
        .flat()
        .map(({ serverRef, epoch, size, root, timeMs, block }): CheckpointRow => ({
          server: serverRef,
          epoch,
          size,
          root,
          timeMs,
          block,
        }))
      const servers = [...facts.participants.values()].flatMap(({ ref, mspId, status, server }): ServerRow[] => {
        if (server === undefined) return []
        const own = checkpoints.filter((one) => one.server === ref)
        const { teeKind, measurements } = server
        return [
          { ref, mspId, status, teeKind, measurements, checkpoints: own.length, newestSize: own.at(-1)?.size ?? 0 },
        ]
      })
      const misuse = facts.misuse.map(({ subject, code, reporter, mspId, timeMs, block, evidence, settled }) => ({
        subject,
        ...(settled === undefined ? {} : { settled }),
        status: facts.participants.get(subject)?.status ?? 'unknown',
        code,
        reporter,
        mspId,
        timeMs,
        block,
        evidence,
      }))
      return {
        blocks: progress.blocks,
        height: progress.height,
        isForeign: false,
        servers,
        checkpoints: checkpoints.toReversed(),
        misuse: misuse.toReversed(),
      }
    },

    /** What hospitals cosigned of the record server's log. */
    async witnessRows() {
      const { checkpoint, lines, ...counts } = await witnesses()
      const { facts } = (await context.acting()).kept
      const names = new Map<string, string>([facts.hospital, ...facts.hospitals].map(({ ref, name }) => [ref, name]))
      return {
        ...counts,
        size: checkpoint.size,
        root: encodeHex(checkpoint.root),
        lines: lines.map((line) => ({ ...line, name: names.get(line.hospital) ?? line.mspId })),
      }
    },

    /** Fresh evidence of the record server, with this browser's own random number. */
    async evidence() {
      context.reconnect()
      const { measurement, tee, simulated } = await (await client()).evidence()
      return { measurement, tee, simulated, checkedMs: context.clock.nowMs() }
    },

    find,
  }

  async function find(pasted: string): Promise<Found> {
    const found = recognise(pasted)
    switch (found.kind) {
      case 'block': {
        const { height } = await page(BEYOND, 1)
        return found.number <= height ? { kind: 'block', block: found.number } : { kind: 'nothing' }
      }
      case 'fingerprint':
        return await findFingerprint(found.hex)
      case 'record':
        return await findRecord(found.record)
      case 'warrant':
        return await asked('warrant', found.warrant)
      case 'batch':
        return await asked('batch', found.batch)
      case 'participant':
        return await asked('participant', found.ref)
      case 'checkpoint':
        return await checkpointFacts(found.server, found.note)
      case 'receipt':
        return await receiptFacts(found.receipt, found.jws)
      case 'record-file':
        return { kind: 'record-file' }
      default:
        return { kind: 'unknown' }
    }
  }

  /** A transaction if the checked blocks have one, else a patient's or author's tag. */
  async function findFingerprint(hex: string): Promise<Found> {
    const { walk } = await current()
    const place = walk?.findTransaction(hex as TxId)
    if (place !== undefined) return { kind: 'block', block: place.block, txId: hex }
    const { options, identity } = await client()
    const as = { ref: identity.ref, signer: identity.signer }
    const places = await options.hospital.findTag(as, hex)
    if (places.length > 0) return { kind: 'places', places: await placeRows(places) }
    if (walk === undefined) return { kind: 'foreign' }
    return await searchBlocks(hex, walk.progress.blocks)
  }

  /** Through the blocks that no check has passed: a block tells by itself what it holds, and the page says "not checked". */
  async function searchBlocks(hex: string, from: number): Promise<Found> {
    let height = from
    for (let next = from; next <= height;) {
      const found = await page(next)
      height = found.height
      if (found.blocks.length === 0) break
      for (const [i, block] of found.blocks.entries()) {
        const { kind } = decodeHeader(block.header)
        const isHere = kind === 'data' && block.transactions.some((bytes) => transactionOf(bytes).row.txId === hex)
        if (isHere) return { kind: 'block', block: next + i, txId: hex }
      }
      next += found.blocks.length
      await nextTurn()
    }
    return { kind: 'nothing' }
  }

  async function findRecord(record: RecordId): Promise<Found> {
    const { options, identity } = await client()
    const as = { ref: identity.ref, signer: identity.signer }
    const places = await options.hospital.findRecord(as, record)
    return places.length === 0 ? { kind: 'nothing' } : { kind: 'places', places: await placeRows(places) }
  }

  /** What an index found is a hint: each place is read from the ledger, proven. */
  async function placeRows(
    places: readonly { readonly batchId: string; readonly index: number }[],
  ): Promise<readonly PlaceRow[]> {
    const { ledger } = (await client()).options
    const { walk } = await current()
    const some = places.slice(-100).map(({ batchId, index }) => [batchId, index])
    const { value } = await readLedger(ledger, 'commitments', [JSON.stringify(some)], commitmentRecordsShape)
    return value.map(({ recordId, version, batchId, index, author, timeMs, txId }) => ({
      record: recordId,
      version,
      batch: batchId,
      index,
      author,
      timeMs,
      txId,
      block: walk?.findTransaction(txId)?.block,
    }))
  }

  async function asked(fn: string, id: string): Promise<Found> {
    const { ledger } = (await client()).options
    try {
      const { value } = await readLedger(ledger, fn, [id], (one) => one as Readonly<Record<string, unknown>>)
      return { kind: 'facts', title: id, checked: true, facts: factRows(value) }
    } catch (error) {
      const code = codeOf(error)
      if (code !== undefined && NOT_THERE.has(code)) return { kind: 'nothing' }
      throw error
    }
  }

  async function checkpointFacts(server: string, note: string): Promise<Found> {
    const sam = await client()
    const { ledger } = sam.options
    const { value } = await readLedger(ledger, 'participant', [server], participantRecordShape)
    const fetchConsistency = (from: number, to: number) => sam.consistencyProof(from, to)
    const ref = value.ref as ServerRef
    const starts = approvedStarts(await readVotes(ledger, ref), await members())
    const log = new LogWalk({ crypto: context.crypto, server: value, fetchConsistency, starts })
    // The pasted one is checked against every anchored one that is not larger, then against the log as it is now.
    const given = await log.now(note)
    const anchored = (await readCheckpoints(ledger, ref)).filter(({ size }) => size <= given.size)
    for (const one of anchored) await log.next(one)
    await log.now(note)
    return {
      kind: 'facts',
      title: server,
      checked: true,
      facts: [
        { label: 'size', value: String(given.size) },
        { label: 'root', value: encodeHex(given.root) },
        { label: 'anchored', value: String(anchored.length) },
      ],
    }
  }

  async function receiptFacts(receipt: Receipt, jws: string): Promise<Found> {
    const { ledger } = (await client()).options
    const { value: server } = await readLedger(ledger, 'participant', [receipt.iss], participantRecordShape)
    const [{ key }, ...earlier] = serverNoteKeys(context.crypto, server)
    const { value: batch } = await readLedger(ledger, 'batch', [receipt.batchId], batchRecordShape)
    const item = batch.groups.flatMap(({ items }) => items)[receipt.index]
    if (item === undefined) throw new ClientError('COMMITMENT_MISSING')
    verifyReceipt(context.crypto, jws, { server: receipt.iss, key, earlier, commitment: commitmentFromJson(item) })
    const { recordId, version, batchId, index, txId, block, logIndex, iat } = receipt
    return {
      kind: 'facts',
      title: recordId,
      checked: isSame(commitmentOfReceipt(receipt), commitmentFromJson(item)),
      facts: factRows({ recordId, version, batchId, index, txId, block, logIndex, issuedMs: iat * 1000 }),
    }
  }

  async function keepHead(number: number, hash: string): Promise<void> {
    const { kept } = await context.acting()
    await context.keys.change(kept.id, { extra: { ...kept.extra, auditHead: { number, hash } } })
  }
}

const NOT_THERE: ReadonlySet<string> = new Set(['PARTICIPANT_UNKNOWN', 'WARRANT_UNKNOWN', 'BATCH_NOT_FOUND'])
const MAX_ARGUMENT = 20_000

/** The newest block of an earlier check on this device: a ledger that was rewritten since does not contain it. */
function expectedHead(
  extra: Readonly<Record<string, unknown>> | undefined,
): { readonly number: number; readonly hash: Uint8Array } | undefined {
  const kept = extra?.['auditHead'] as { readonly number?: unknown; readonly hash?: unknown } | undefined
  if (typeof kept?.number !== 'number' || typeof kept.hash !== 'string') return undefined
  return { number: kept.number, hash: decodeHex(kept.hash) }
}

function isSame(one: Commitment, other: Commitment): boolean {
  return JSON.stringify(commitmentToJson(one)) === JSON.stringify(commitmentToJson(other))
}

/** Lets messages of the page come in between. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

function factRows(value: Readonly<Record<string, unknown>>): readonly FactRow[] {
  return Object.entries(value).map(([label, one]) => ({
    label,
    value: (typeof one === 'string' ? one : (JSON.stringify(one, null, 1) ?? '')).slice(0, MAX_ARGUMENT),
  }))
}

/** Arguments that are JSON are easier to read with line ends. */
function readable(argument: string): string {
  if (argument.length > MAX_ARGUMENT) return `${argument.slice(0, MAX_ARGUMENT)}…`
  if (!/^[[{]/.test(argument)) return argument
  try {
    return JSON.stringify(parseJson(argument, { maxBytes: 3 * MAX_ARGUMENT + 64 }), null, 1)
  } catch {
    return argument
  }
}
