/** verifyLedger finds whatever was altered, at the right block; replaying gives the same state (07 §7.10). */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, test } from 'node:test'
import Database from 'better-sqlite3-multiple-ciphers'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  type ChainHead,
  decodeBlock,
  decodeHeader,
  encodeBlock,
  type EncodedBlock,
  encodeTransaction,
  decodeTransaction,
  makeBlock,
  stateKeys,
} from '../../../shared/ledger-model/src/index.ts'
import { newId, newRef } from '../../../shared/protocol/src/index.ts'
import {
  createPatient,
  issueCertificate,
  patientRegistrationOf,
  registrationOf,
} from '../../../testkit/src/consortium.ts'
import { makeFolder, openTestNode, proposalOf } from '../../../testkit/src/embedded-ledger.ts'
import { commitGroup, groupsText, HASH } from '../../../testkit/src/suites/ledger-world.ts'
import { DATABASE_FILE, verifyLedger, type VerifyOptions } from './index.ts'
import { LedgerStore } from './store.ts'

const crypto = createNodeCrypto()
const patient = newRef(crypto, 'p')
const batchId = newId(crypto, 'b')
let world: Awaited<ReturnType<typeof openTestNode>>
let blocks: EncodedBlock[]

/**
 * Blocks: 0 genesis; 1 hospital A; 2 hospital B, a conflict (registering a patient twice at once) and a patient;
 * 3 record of a patient; 4 its update; 5 a large batch; 6 a suspension; 7 a reinstatement, which deletes a key.
 */
before(async () => {
  world = await openTestNode()
  const { node, consortium, a, b } = world
  const submit = (by: typeof a.admin, fn: string, ...args: readonly string[]) =>
    node.submit(proposalOf(consortium, by, { fn, args }))
  await submit(a.admin, 'registerParticipant', JSON.stringify(registrationOf(a.hospital)))
  const twice = JSON.stringify(patientRegistrationOf(createPatient()))
  const together = await Promise.allSettled([
    submit(b.admin, 'registerParticipant', JSON.stringify(registrationOf(b.hospital))),
    submit(a.hospital, 'registerParticipant', twice),
    submit(a.hospital, 'registerParticipant', twice),
  ])
  assert.deepEqual(
    together.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
  const hospitals = JSON.stringify([a.hospital.ref])
  await submit(a.hospital, 'create', patient, '1', 'active', 'lab', HASH, hospitals)
  await submit(a.hospital, 'update', patient, '2', 'active', 'lab', HASH, hospitals)
  await submit(a.hospital, 'commit', batchId, groupsText(commitGroup(a.hospital, patient, 20)))
  await submit(a.admin, 'suspendParticipant', a.hospital.ref, 'code')
  await submit(a.admin, 'reinstateParticipant', a.hospital.ref, 'code')
  assert.equal(node.height, 7)
  blocks = Array.from({ length: 8 }, (_, i) => node.block(i) as EncodedBlock)
  node.close()
})
after(() => world.close())

const verifyFolder = (folder: string, options: Partial<VerifyOptions> = {}) =>
  verifyLedger(folder, { crypto, genesis: world.consortium.genesis, ...options })
const verifyBlocks = (chain: readonly EncodedBlock[], options: Partial<VerifyOptions> = {}) =>
  verifyLedger(
    { block: (number) => Promise.resolve(chain[number]) },
    { crypto, genesis: world.consortium.genesis, ...options },
  )
const fault = (block: number) => ({ code: 'LEDGER_BLOCK_INVALID', block })

test('a ledger that nobody touched verifies, with tables and with its contract run again', async () => {
  const progress: number[] = []
  const report = await verifyFolder(world.folder, { replay: true, onProgress: (block) => progress.push(block) })
  assert.deepEqual([report.blocks, report.transactions, report.head.number, report.replayed], [8, 9, 7, true])
  assert.deepEqual(progress, [0, 1, 2, 3, 4, 5, 6, 7])
  const { stateKeys: keys } = await verifyBlocks(blocks)
  assert.equal(keys, report.stateKeys)
})

test('the same blocks replayed twice give identical state, byte for byte', async () => {
  const folders = [makeFolder(), makeFolder()]
  const states: unknown[] = []
  for (const { folder } of folders) {
    await verifyBlocks(blocks, { replay: { folder } })
    const store = new LedgerStore(crypto, folder)
    states.push({ state: [...store.stateRows()], history: [...store.historyRows()], head: store.head() })
    store.close()
  }
  const store = new LedgerStore(crypto, world.folder)
  states.push({ state: [...store.stateRows()], history: [...store.historyRows()], head: store.head() })
  store.close()
  assert.deepEqual(states[0], states[1])
  assert.deepEqual(states[0], states[2])
  for (const { remove } of folders) remove()
})

test('altered bytes of any block are found at that block', async () => {
  for (const [number, block] of blocks.entries()) {
    const encoded = encodeBlock(block)
    const step = process.env['TRUSTHEALTH_LONG'] === '1' ? 1 : Math.max(1, Math.floor(encoded.length / 50))
    for (let at = 0; at < encoded.length; at += step) {
      const changed = encoded.slice()
      changed[at] = (changed[at] as number) ^ 0x01
      let decoded: EncodedBlock
      try {
        decoded = decodeBlock(changed)
      } catch {
        continue // not even a block
      }
      await assert.rejects(verifyBlocks(blocks.with(number, decoded)), fault(number), `block ${number} byte ${at}`)
    }
  }
})

test('blocks that are missing, repeated or in another order are found', async () => {
  await assert.rejects(verifyBlocks(blocks.toSpliced(3, 1)), fault(3))
  await assert.rejects(verifyBlocks(blocks.toSpliced(3, 0, blocks[2] as EncodedBlock)), fault(3))
  await assert.rejects(
    verifyBlocks(blocks.with(4, blocks[5] as EncodedBlock).with(5, blocks[4] as EncodedBlock)),
    fault(4),
  )
  await assert.rejects(verifyBlocks([]), fault(0))
  await assert.rejects(verifyBlocks(blocks.slice(1)), fault(0))
  const { genesis } = world.consortium
  await assert.rejects(verifyBlocks(blocks, { genesis: { ...genesis, channel: 'other' } }), fault(0))
})

/** The chain from `number` on made again by the ledger node itself, with other transactions in that block. */
function rewritten(number: number, change: (transactions: readonly Uint8Array[]) => readonly Uint8Array[]) {
  const chain = blocks.slice(0, number)
  let head: ChainHead | undefined
  for (const { header } of chain) {
    const { number: n, timeMs } = decodeHeader(header)
    head = { number: n, timeMs, hash: crypto.sha256(new TextEncoder().encode('trusthealth/1/block\0'), header) }
  }
  for (const block of blocks.slice(number)) {
    const { kind, timeMs, number: n } = decodeHeader(block.header)
    const transactions = n === number ? change(block.transactions) : block.transactions
    const made = makeBlock(crypto, world.consortium.nodeKey, head, { kind, timeMs, transactions })
    chain.push(made.block)
    head = made.head
  }
  return chain
}

test('a node that rewrites history and signs it again is caught by what it cannot sign, or by a kept hash', async () => {
  const last = blocks.length - 1
  const hash = (await verifyBlocks(blocks)).head.hash
  const shorter = rewritten(2, (transactions) => transactions.slice(0, 2))
  await verifyBlocks(shorter)
  await assert.rejects(verifyBlocks(shorter, { expectedHead: { number: last, hash } }), fault(last))
  await assert.rejects(verifyBlocks(blocks.slice(0, 5), { expectedHead: { number: last, hash } }), fault(5))

  const twice = rewritten(4, (transactions) => [...transactions, ...(blocks[3] as EncodedBlock).transactions])
  await assert.rejects(verifyBlocks(twice), fault(4), 'a transaction twice')
  const alter = (write: string) => (transactions: readonly Uint8Array[]) =>
    transactions.map((bytes) => {
      const { signed, proposal, ...outcome } = decodeTransaction(crypto, bytes)
      const writes = outcome.writes.map(({ key, value }) => ({ key, value: value && value.replace('active', write) }))
      return encodeTransaction(signed, proposal.args, { ...outcome, writes })
    })
  const lied = rewritten(3, alter('closed'))
  await verifyBlocks(lied)
  await assert.rejects(verifyBlocks(lied, { replay: true }), fault(3), 'other effects than the contract gives')
  const forged = rewritten(3, (transactions) => {
    const { signed, proposal, ...outcome } = decodeTransaction(crypto, transactions[0] as Uint8Array)
    const other = proposalOf(
      world.consortium,
      { ...world.a.hospital, signingKey: world.b.hospital.signingKey },
      proposal,
    )
    assert.deepEqual(other.proposal, signed.proposal)
    return [encodeTransaction(other, proposal.args, outcome)]
  })
  await assert.rejects(verifyBlocks(forged), fault(3), 'a proposal that its creator did not sign')
})

test('a transaction of a certificate that was revoked before is found', async () => {
  const { node, consortium, folder, a, close } = await openTestNode()
  const lost = await issueCertificate(a.authority, 'admin')
  const submit = (by: typeof lost, fn: string, ...args: readonly string[]) =>
    node.submit(proposalOf(consortium, by, { fn, args }))
  await submit(a.admin, 'revokeCertificate', lost.certSerial, 'lost')
  await submit(a.admin, 'registerParticipant', JSON.stringify(registrationOf(a.hospital)))
  const chain = Array.from({ length: 3 }, (_, i) => node.block(i) as EncodedBlock)
  const { signed, proposal, ...outcome } = decodeTransaction(crypto, chain[2]?.transactions[0] as Uint8Array)
  const { fn, args } = proposal
  const forged = encodeTransaction(
    proposalOf(consortium, lost, { fn, args }),
    signed.proposal.length > 0 ? args : [],
    outcome,
  )
  const previous = decodeHeader((chain[1] as EncodedBlock).header)
  const hash = decodeHeader((chain[2] as EncodedBlock).header).previous
  const content = { kind: 'data', timeMs: previous.timeMs, transactions: [forged] } as const
  const { block } = makeBlock(crypto, consortium.nodeKey, { number: 1, hash, timeMs: previous.timeMs }, content)
  await assert.rejects(verifyLedger({ block: (n) => Promise.resolve(chain.with(2, block)[n]) }, { crypto }), fault(2))
  node.close()
  await verifyLedger(folder, { crypto })
  close()
})

const hospital = () => world.a.hospital.ref
const record = () => stateKeys.record(patient)
const batch = () => stateKeys.batch(batchId)
/** Each is done to a copy of the database, alone; the number is the block at which it must be found. */
const tampering: readonly [string, number, () => string][] = [
  ['a block deleted', 5, () => 'DELETE FROM blocks WHERE number = 5'],
  ['the newest block deleted', 7, () => 'DELETE FROM blocks WHERE number = 7'],
  [
    'the newest block deleted with its transactions',
    7,
    () => 'DELETE FROM blocks WHERE number = 7; DELETE FROM transactions WHERE place >= 7 * 1024',
  ],
  ['a hash changed', 3, () => 'UPDATE blocks SET hash = zeroblob(32) WHERE number = 3'],
  ['a time changed', 3, () => 'UPDATE blocks SET time_ms = time_ms + 1 WHERE number = 3'],
  ['a kind changed', 3, () => 'UPDATE blocks SET is_configuration = 1 WHERE number = 3'],
  ['a header changed', 3, () => "UPDATE blocks SET header = header || x'00' WHERE number = 3"],
  ['a signature changed', 3, () => 'UPDATE blocks SET signature = zeroblob(64) WHERE number = 3'],
  ['a transaction deleted', 2, () => 'DELETE FROM transactions WHERE place = 2 * 1024 + 1'],
  ['a transaction added', 4, () => "INSERT INTO transactions VALUES (4 * 1024 + 1, NULL, x'00')"],
  ['a transaction of no block', 9, () => "INSERT INTO transactions VALUES (9 * 1024, NULL, x'00')"],
  ['a transaction’s bytes changed', 4, () => "UPDATE transactions SET bytes = bytes || x'00' WHERE place = 4 * 1024"],
  ['a transaction’s id changed', 4, () => 'UPDATE transactions SET tx_id = zeroblob(32) WHERE place = 4 * 1024'],
  ['a transaction’s id removed', 4, () => 'UPDATE transactions SET tx_id = NULL WHERE place = 4 * 1024'],
  ['a value changed', 4, () => `UPDATE state SET value = replace(value, 'active', 'closed') WHERE key = '${record()}'`],
  ['an old value put back', 4, () => `UPDATE state SET place = 3 * 1024 WHERE key = '${record()}'`],
  ['a key deleted', 4, () => `DELETE FROM state WHERE key = '${record()}'`],
  ['a key added', 6, () => `INSERT INTO state VALUES ('${stateKeys.sanction(hospital())}', 6 * 1024, '{}')`],
  ['a large value changed', 5, () => `UPDATE state SET value = '{}' WHERE key = '${batch()}'`],
  ['a small value taken away', 4, () => `UPDATE state SET value = NULL WHERE key = '${record()}'`],
  ['a version forgotten', 3, () => `DELETE FROM history WHERE key = '${record()}' AND place = 3 * 1024`],
  ['the last version forgotten', 4, () => `DELETE FROM history WHERE key = '${record()}' AND place = 4 * 1024`],
  ['a version added', 7, () => `INSERT INTO history VALUES ('${record()}', 7 * 1024)`],
]

for (const [what, block, sql] of tampering) {
  test(`found at block ${block}: ${what}`, async () => {
    const copy = makeFolder()
    cpSync(world.folder, copy.folder, { recursive: true })
    const db = new Database(join(copy.folder, DATABASE_FILE))
    db.exec(sql())
    db.close()
    await assert.rejects(verifyFolder(copy.folder), fault(block))
    copy.remove()
  })
}

test('a folder that holds something else is refused', async () => {
  const { folder, remove } = makeFolder()
  const db = new Database(join(folder, DATABASE_FILE))
  db.pragma('user_version = 99')
  db.close()
  await assert.rejects(verifyFolder(folder), { code: 'LEDGER_STORAGE_FAILED' })
  remove()
})
