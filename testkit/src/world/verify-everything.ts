/**
 * Checks a whole world again from outside and from the beginning: the ledger from its genesis, the record server's log
 * against every checkpoint that was anchored, every stored record as its patient would, and that no text of a record is
 * anywhere it must not be. Called after each step of a test; says how much it looked at, because a check of nothing
 * passes, too.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { verifyFabricChain } from '../../../ledger/client/src/fabric/index.ts'
import { verifyLedger } from '../../../ledger/embedded/src/index.ts'
import { codeOf, type PatientClient, type RecordItem } from '../../../clients/sdk/src/index.ts'
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import {
  checkpointPageShape,
  decodeBlock,
  parseResult,
  participantRecordShape,
  serverNoteKeys,
  type ChannelConfiguration,
} from '../../../shared/ledger-model/src/index.ts'
import type { ServerRef } from '../../../shared/protocol/src/index.ts'
import { logOrigin, openCheckpoint, verifyConsistency } from '../../../shared/tlog/src/index.ts'
import { searchFolder, type Finding } from './canaries.ts'
import type { RecordServer } from './record-server.ts'
import type { Traffic } from './traffic.ts'
import type { WorldLedger } from './world-ledger.ts'

/** What of a world is checked; `TestWorld` is one. */
export interface CheckedWorld {
  readonly crypto: Crypto
  readonly folder: string
  readonly serverRef: ServerRef
  readonly server: RecordServer
  readonly ledger: WorldLedger
  readonly genesis: ChannelConfiguration
  readonly patients: readonly PatientClient[]
  readonly traffic: Traffic
  readonly canaries: ReadonlySet<string>
}

export interface Verified {
  readonly blocks: number
  readonly transactions: number
  /** Checkpoints on the ledger, each consistent with the next. */
  readonly checkpoints: number
  readonly records: number
  readonly erased: number
  /** Checks of records that passed: seven each. */
  readonly checks: number
  readonly searchedFiles: number
  readonly searchedBytes: number
}

export async function verifyEverything(world: CheckedWorld): Promise<Verified> {
  const ledger = await verifyLedgerFromGenesis(world)
  const records = await verifyRecords(world)
  const checkpoints = await verifyCheckpoints(world)
  const searched = searchForCanaries(world)
  return { ...ledger, ...records, checkpoints, ...searched }
}

/** What was seen of a log when it was looked at last. */
export interface SeenLog {
  readonly size: number
  readonly root: Uint8Array
}

/**
 * What came since the last look, for a loop that makes a whole check now and then: the log goes on from where it was, each
 * patient's list names every record once, and the new records pass their seven checks.
 * @param seen what this returned before; undefined at first.
 * @param newest identifiers of records that were stored since, each of one of the world's patients.
 */
export async function verifyNewest(
  world: CheckedWorld,
  seen: SeenLog | undefined,
  newest: readonly string[],
): Promise<Pick<Verified, 'records' | 'checks'> & { readonly seen: SeenLog }> {
  const left = new Set(newest)
  let records = 0
  let checks = 0
  for (const patient of world.patients) {
    const items = await listOnce(patient)
    records += items.length
    for (const { record } of items) if (left.delete(record)) checks += await verifyRecord(patient, record)
  }
  assert.deepEqual([...left], [], 'a record that was stored is not listed')
  const { crypto, serverRef, server } = world
  const keys = serverNoteKeys(crypto, await registrationOf(world))
  const note = (await server.tee.request('checkpoint', {})).checkpoint
  const { size, root } = openCheckpoint(crypto, note, logOrigin(serverRef), keys).checkpoint
  if (seen !== undefined) {
    assert.ok(size > seen.size || newest.length === 0, 'what was stored is in the log')
    const proof = size === seen.size ? [] : (await server.tee.request('proof', { from: seen.size, to: size })).proof
    verifyConsistency(crypto, seen.size, size, seen.root, root, proof)
  }
  return { records, checks, seen: { size, root } }
}

async function registrationOf({ ledger: { ledger }, serverRef }: CheckedWorld) {
  return parseResult(await ledger.query({ fn: 'participant', args: [serverRef] }), participantRecordShape)
}

/** Hash chain, signatures of blocks and of every proposal; on the embedded ledger the contract runs again and gives the same results. */
export async function verifyLedgerFromGenesis({ crypto, genesis, ledger: { ledger } }: CheckedWorld): Promise<{
  readonly blocks: number
  readonly transactions: number
}> {
  const { channel, organizations, fabric } = genesis
  if (fabric !== undefined) {
    const trust = { ...fabric, organizations }
    const found = await verifyFabricChain(ledger, { crypto, channel, trust, height: await ledger.height() })
    assert.ok(found.blocks > 1 && found.transactions > 1, 'the ledger is not empty')
    return found
  }
  const source = {
    async block(number: number) {
      const block = await ledger.block(number)
      return block === undefined ? undefined : decodeBlock(block.encoded)
    },
  }
  const { blocks, transactions } = await verifyLedger(source, { crypto, genesis, replay: true })
  assert.ok(blocks > 1 && transactions > 1, 'the ledger is not empty')
  return { blocks, transactions }
}

/** Every anchored checkpoint is signed by the server, newer than the one before and consistent with it and with now. */
async function verifyCheckpoints(world: CheckedWorld): Promise<number> {
  const { crypto, serverRef, server } = world
  const ledger = world.ledger.ledger
  const origin = logOrigin(serverRef)
  const keys = serverNoteKeys(crypto, await registrationOf(world))
  const open = (note: string) => openCheckpoint(crypto, note, origin, keys).checkpoint
  const anchored: { readonly epoch: number; readonly checkpoint: string }[] = []
  let bookmark = ''
  do {
    const page = parseResult(
      await ledger.query({ fn: 'checkpointHistory', args: [serverRef, bookmark] }),
      checkpointPageShape,
    )
    anchored.push(...page.items)
    bookmark = page.bookmark
  } while (bookmark !== '')
  const now = open((await server.tee.request('checkpoint', {})).checkpoint)
  const inOrder = anchored.toSorted((a, b) => a.epoch - b.epoch)
  const chain = [...inOrder.map(({ checkpoint }) => open(checkpoint)), now]
  for (const [i, newer] of chain.entries()) {
    const older = chain[i - 1]
    if (older === undefined) continue
    assert.ok(newer.size >= older.size, 'the log became shorter')
    const proof =
      older.size === newer.size ? [] : (await server.tee.request('proof', { from: older.size, to: newer.size })).proof
    verifyConsistency(crypto, older.size, newer.size, older.root, newer.root, proof)
  }
  assert.equal(new Set(inOrder.map(({ epoch }) => epoch)).size, inOrder.length, 'an epoch was used twice')
  return anchored.length
}

/** All seven checks of every record of every patient; erased ones only show their marker. */
async function verifyRecords(
  world: CheckedWorld,
): Promise<{ readonly records: number; readonly erased: number; readonly checks: number }> {
  let records = 0
  let erased = 0
  let checks = 0
  for (const patient of world.patients) {
    for (const { record, erasedMs } of await listOnce(patient)) {
      records++
      if (erasedMs !== undefined) {
        erased++
        await assert.rejects(patient.read(record), (error) => codeOf(error) === 'RECORD_ERASED')
        continue
      }
      checks += await verifyRecord(patient, record)
    }
  }
  return { records, erased, checks }
}

/** @returns how many checks passed: seven. */
async function verifyRecord(patient: PatientClient, record: RecordItem['record']): Promise<number> {
  const report = await patient.verify(await patient.read(record))
  for (const { id, result, code } of report.checks) assert.equal(result, 'pass', `${record} ${id}: ${code ?? result}`)
  assert.equal(report.checks.length, 7)
  return report.checks.length
}

/** The patient's whole list; no record is in it twice. */
async function listOnce(patient: PatientClient): Promise<RecordItem[]> {
  const items: RecordItem[] = []
  let cursor: string | undefined
  do {
    const page = await patient.records(cursor === undefined ? {} : { cursor })
    items.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  assert.equal(new Set(items.map(({ record }) => record)).size, items.length, 'a record is listed twice')
  return items
}

function searchForCanaries(world: CheckedWorld): { readonly searchedFiles: number; readonly searchedBytes: number } {
  const texts = [...world.canaries]
  const { findings, files, bytes } = searchFolder(world.folder, texts)
  const all: Finding[] = [...findings, ...world.traffic.search(texts)]
  assert.deepEqual(all, [], 'a text of a record was found outside the protected area')
  assert.ok(files > 3 && bytes > 100_000, 'the search did not look at the files of the world')
  assert.ok(world.traffic.bytes > 0, 'no traffic was kept')
  return { searchedFiles: files, searchedBytes: bytes + world.traffic.bytes }
}
