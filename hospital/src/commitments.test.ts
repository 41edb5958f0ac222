import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { encodeBase64url, encodeHex } from '../../shared/crypto/src/index.ts'
import type { CommitGroup } from '../../shared/ledger-model/src/index.ts'
import {
  newRecordId,
  newRef,
  ProtocolError,
  type AuthorRef,
  type CommitmentJson,
  type Sha256Hex,
} from '../../shared/protocol/src/index.ts'
import { CommitmentBatcher, MAX_WAITING_ITEMS } from './commitments.ts'
import type { LedgerReceipt, LedgerWriter } from './ports.ts'

const crypto = createNodeCrypto()

function group(items = 1, author: AuthorRef = newRef(crypto, 'd')): CommitGroup {
  const digest = encodeHex(crypto.randomBytes(32)) as Sha256Hex
  const item = (): CommitmentJson => ({
    recordId: newRecordId(crypto, 1_800_000_000_000),
    version: 1,
    patientTag: digest,
    doctorTag: digest,
    ehrHash: digest,
    warrantHash: digest,
    previous: '',
  })
  return { author, signature: encodeBase64url(new Uint8Array(64)), items: Array.from({ length: items }, item) }
}

/** Commits when the test says so, and refuses every batch that has a group of `refused`. */
function ledgerByHand(refused?: AuthorRef) {
  const batches: string[][] = []
  const waiting: (() => void)[] = []
  const writer: LedgerWriter = {
    submit: (_fn, [, groups]) =>
      new Promise<LedgerReceipt>((resolve, reject) => {
        const authors = (JSON.parse(groups ?? '[]') as { author: string }[]).map(({ author }) => author)
        const number = batches.push(authors)
        waiting.push(() => {
          if (refused !== undefined && authors.includes(refused)) {
            reject(new ProtocolError('COMMIT_SIGNATURE_INVALID', 'no'))
          } else resolve({ txId: `tx${number}`, block: number, result: '' })
        })
      }),
  }
  const settleAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      waiting.shift()?.()
      await new Promise(setImmediate)
    }
  }
  return { writer, batches, settleAll }
}

test('a lone commitment goes at once; those that come meanwhile share the next transaction', async () => {
  const { writer, batches, settleAll } = ledgerByHand()
  const batcher = new CommitmentBatcher(crypto, writer, 1)
  const places = [batcher.commit(group()), batcher.commit(group(3)), batcher.commit(group())]
  assert.equal(batches.length, 1)
  await settleAll()
  const [first, second, third] = await Promise.all(places)
  assert.deepEqual(
    batches.map((authors) => authors.length),
    [1, 2],
  )
  assert.equal(first?.index, 0)
  assert.deepEqual([second?.index, third?.index], [0, 3])
  assert.equal(second?.batchId, third?.batchId)
})

test('two transactions go side by side while they are small', async () => {
  const { writer, batches, settleAll } = ledgerByHand()
  const batcher = new CommitmentBatcher(crypto, writer, 2)
  const places: Promise<unknown>[] = []
  const commit = (items: number) => places.push(batcher.commit(group(items)))
  const begun = (): number[] => batches.map((authors) => authors.length)
  commit(1)
  commit(2)
  assert.deepEqual(begun(), [1, 1])
  // Both places are taken.
  for (let i = 0; i < 20; i++) commit(1)
  assert.deepEqual(begun(), [1, 1])
  await settleAll()
  assert.deepEqual(begun(), [1, 1, 20])
  await Promise.all(places)
})

test('under load the next batch grows while one is under way, until it is worth a transaction of its own', async () => {
  const { writer, batches, settleAll } = ledgerByHand()
  const batcher = new CommitmentBatcher(crypto, writer, 2)
  const places = [batcher.commit(group(9))]
  for (let i = 0; i < 249; i++) places.push(batcher.commit(group()))
  assert.equal(batches.length, 1)
  assert.equal(batcher.waiting, 249)
  places.push(batcher.commit(group()))
  assert.deepEqual(
    batches.map((authors) => authors.length),
    [1, 250],
  )
  // Never more at once than it may.
  places.push(batcher.commit(group(1_000)))
  assert.equal(batches.length, 2)
  await settleAll()
  await Promise.all(places)
  assert.equal(batches.length, 3)
})

test('after a large batch small ones go one after the other at first, then side by side again', async () => {
  const { writer, batches, settleAll } = ledgerByHand()
  const batcher = new CommitmentBatcher(crypto, writer, 2)
  const places = [batcher.commit(group(20))]
  await settleAll()
  places.push(batcher.commit(group()), batcher.commit(group()), batcher.commit(group()))
  assert.equal(batches.length, 2)
  await settleAll()
  assert.equal(batches.length, 3)
  places.push(batcher.commit(group()), batcher.commit(group()))
  assert.equal(batches.length, 5)
  await settleAll()
  await Promise.all(places)
})

test('one refused author does not hold up the others', async () => {
  const bad = newRef(crypto, 'd')
  const { writer, settleAll } = ledgerByHand(bad)
  const batcher = new CommitmentBatcher(crypto, writer, 1)
  const places = [batcher.commit(group()), batcher.commit(group(1, bad)), batcher.commit(group())]
  const outcome = Promise.allSettled(places)
  await settleAll()
  assert.deepEqual(
    (await outcome).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  await assert.rejects(places[1] as Promise<unknown>, { code: 'COMMIT_SIGNATURE_INVALID' })
})

test('a batch never has more than 1,000 items', async () => {
  const { writer, batches, settleAll } = ledgerByHand()
  const batcher = new CommitmentBatcher(crypto, writer, 1)
  const places = [group(), group(600), group(600)].map((one) => batcher.commit(one))
  await settleAll()
  await Promise.all(places)
  assert.equal(batches.length, 3)
})

test('what waits is bounded', () => {
  const { writer } = ledgerByHand()
  const batcher = new CommitmentBatcher(crypto, writer, 1)
  const waiting = [batcher.commit(group())]
  for (let items = 0; items < MAX_WAITING_ITEMS; items += 1_000) waiting.push(batcher.commit(group(1_000)))
  assert.equal(batcher.waiting, MAX_WAITING_ITEMS)
  assert.throws(() => batcher.commit(group()), { code: 'LEDGER_BUSY' })
  for (const one of waiting) one.catch(() => undefined)
})
