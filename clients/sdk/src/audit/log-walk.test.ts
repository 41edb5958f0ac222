/** A server's checkpoints, one after the other: consistent, with epochs without a gap, or refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64url, encodeHex, encodeUtf8, type SigningKey } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import type { CheckpointRecord } from '../../../../shared/ledger-model/src/index.ts'
import { newRef, type Sha256Hex, type TxId } from '../../../../shared/protocol/src/index.ts'
import { leafHash, logOrigin, merkleRoot, nodeHash, signCheckpoint } from '../../../../shared/tlog/src/index.ts'
import { ClientError, codeOf } from '../errors.ts'
import { LogWalk } from './log-walk.ts'

const crypto = createNodeCrypto()
const key = crypto.generateSigningKey()
const ref = newRef(crypto, 's')
const publicKey = encodeBase64url(key.publicKey)
const leaves = ['a', 'b', 'c', 'd', 'x'].map((entry) => leafHash(crypto, encodeUtf8(entry))) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const [a, b, c, d] = leaves
const rootOf = (size: number) => merkleRoot(crypto, leaves.slice(0, size))

function noteOf(size: number, root = rootOf(size), by: SigningKey = key): string {
  return signCheckpoint(crypto, by, { origin: logOrigin(ref), size, root, extensions: [] })
}

function anchored(epoch: number, size: number, change: Partial<CheckpointRecord> = {}): CheckpointRecord {
  const root = encodeHex(rootOf(size)) as Sha256Hex
  const txId = 'bb'.repeat(32) as TxId
  return { serverRef: ref, epoch, size, root, checkpoint: noteOf(size), timeMs: 1, txId, ...change }
}

/** Right proofs between the sizes that are used here. */
const PROOFS: Readonly<Record<string, readonly Uint8Array[]>> = {
  '1-2': [b],
  '2-4': [nodeHash(crypto, c, d)],
  '1-4': [b, nodeHash(crypto, c, d)],
}
function walk(proofs: Readonly<Record<string, readonly Uint8Array[]>> = PROOFS): LogWalk {
  const server = { ref, publicKey, earlierKeys: [] }
  return new LogWalk({ crypto, server, fetchConsistency: (from, to) => Promise.resolve(proofs[`${from}-${to}`] ?? []) })
}

test('checkpoints that continue each other are taken, and what the server shows now', async () => {
  const log = walk()
  for (const one of [anchored(1, 1), anchored(2, 1), anchored(3, 2)]) await log.next(one)
  assert.deepEqual([log.epoch, log.newest?.size], [3, 2])
  assert.equal((await log.now(noteOf(4))).size, 4)
  assert.equal(log.newest?.size, 2, 'only anchored ones count')
})

test('refused: an epoch left out or twice, a log that became smaller', async () => {
  await assert.rejects(walk().next(anchored(2, 1)), { code: 'CHECKPOINT_EPOCH' })
  const log = walk()
  await log.next(anchored(1, 2))
  await assert.rejects(log.next(anchored(1, 2)), { code: 'CHECKPOINT_EPOCH' })
  await assert.rejects(log.next(anchored(2, 1)), { code: 'CHECKPOINT_SMALLER' })
  await assert.rejects(log.now(noteOf(1)), { code: 'CHECKPOINT_SMALLER' })
})

test('refused: another history, a wrong proof, one size with two roots', async () => {
  const forked = merkleRoot(crypto, [a, leaves[4], c, d])
  const other = anchored(2, 4, { root: encodeHex(forked) as Sha256Hex, checkpoint: noteOf(4, forked) })
  for (const proofs of [PROOFS, { '1-4': [leaves[4], nodeHash(crypto, c, d)] }]) {
    const log = walk(proofs)
    await log.next(anchored(1, 2))
    const refused = { code: /^LOG_(NOT_CONSISTENT|PROOF_INVALID)$/ }
    await assert.rejects(log.next(other), refused)
    await assert.rejects(log.now(noteOf(4, forked)), refused)
    assert.equal(log.epoch, 1)
  }
  const log = walk()
  await log.next(anchored(1, 1))
  await assert.rejects(log.now(noteOf(1, leaves[4])), { code: 'LOG_NOT_CONSISTENT' })
})

/** The log after `size` entries were left of it and another one came. */
const again = (size: number): readonly Uint8Array[] => [...leaves.slice(0, size), leaves[4]]
const rootAgain = (size: number) => merkleRoot(crypto, again(size))
const start = (epoch: number, size: number, root = rootOf(size)) => {
  return { term: epoch, epoch, size, root: encodeHex(root) as Sha256Hex }
}
function anchoredAgain(epoch: number, size: number): CheckpointRecord {
  const root = rootAgain(size - 1)
  return anchored(epoch, size, { root: encodeHex(root) as Sha256Hex, checkpoint: noteOf(size, root) })
}
/** Of a server that has two entries and then another third one; of what it lost it proves nothing. */
const PROOFS_AGAIN = { '1-2': [b], '2-3': [leaves[4]], '1-3': [b, leaves[4]] }
function walkAgain(starts: NonNullable<ConstructorParameters<typeof LogWalk>[0]['starts']>): LogWalk {
  const fetchConsistency = (from: number, to: number) => {
    const proof = (PROOFS_AGAIN as Readonly<Record<string, readonly Uint8Array[]>>)[`${from}-${to}`]
    return proof === undefined ? Promise.reject(new ClientError('LOG_SIZE_INVALID')) : Promise.resolve(proof)
  }
  return new LogWalk({ crypto, server: { ref, publicKey, earlierKeys: [] }, fetchConsistency, starts })
}

test('what was lost with the organisations’ leave is told, and the log goes on from the state that they agreed on', async () => {
  const log = walkAgain([start(3, 2)])
  for (const one of [anchored(1, 1), anchored(2, 3), anchored(3, 4)]) await log.next(one)
  assert.deepEqual(log.givenUp, [{ term: 3, epoch: 3, size: 2, anchoredSize: 4 }])
  // Before the first checkpoint of the new log, and after it.
  assert.equal((await log.now(noteOf(3, rootAgain(2)))).size, 3)
  await log.next(anchoredAgain(4, 3))
  assert.equal((await log.now(noteOf(3, rootAgain(2)))).size, 3)
  assert.deepEqual([log.epoch, log.newest?.size, log.givenUp.length], [4, 3, 1])
})

test('refused: a lost log without such votes, with votes for another moment, and one that does not continue theirs', async () => {
  const lost = [anchored(1, 1), anchored(2, 4), anchoredAgain(3, 3)]
  const refusedBy = async (log: LogWalk, records = lost): Promise<unknown> => {
    try {
      for (const one of records) await log.next(one)
      await log.now(noteOf(3, rootAgain(2)))
    } catch (error) {
      return codeOf(error)
    }
    return undefined
  }
  assert.equal(await refusedBy(walkAgain([start(2, 2)])), undefined)
  assert.equal(await refusedBy(walkAgain([])), 'LOG_SIZE_INVALID')
  // Of an epoch before, of one that is not there, of a larger size.
  assert.equal(await refusedBy(walkAgain([start(1, 1)])), 'LOG_SIZE_INVALID')
  assert.equal(await refusedBy(walkAgain([start(9, 2)])), 'LOG_SIZE_INVALID')
  assert.equal(await refusedBy(walkAgain([start(2, 4)])), 'LOG_SIZE_INVALID')
  // Another root than the log had: neither what was before nor what came after leads to it.
  assert.equal(await refusedBy(walkAgain([start(2, 2, rootOf(3))])), 'LOG_NOT_CONSISTENT')
})

test('votes that were not needed give nothing up', async () => {
  const server = { ref, publicKey, earlierKeys: [] }
  const fetchConsistency = (from: number, to: number) => Promise.resolve(PROOFS[`${from}-${to}`] ?? [])
  const log = new LogWalk({ crypto, server, fetchConsistency, starts: [start(2, 1)] })
  for (const one of [anchored(1, 1), anchored(2, 2), anchored(3, 4)]) await log.next(one)
  assert.deepEqual([log.givenUp, log.newest?.size], [[], 4])
})

test('refused: what the server did not sign, and a record that says something else than its note', async () => {
  const stranger = crypto.generateSigningKey()
  const foreign = anchored(1, 1, { checkpoint: noteOf(1, rootOf(1), stranger) })
  await assert.rejects(walk().next(foreign), { code: 'LOG_SIGNATURE_MISSING' })
  await assert.rejects(walk().next(anchored(1, 1, { size: 2 })), { code: 'CHECKPOINT_INVALID' })
  const wrongRoot = anchored(1, 1, { root: 'cc'.repeat(32) as Sha256Hex })
  await assert.rejects(walk().next(wrongRoot), { code: 'CHECKPOINT_INVALID' })
})

test('a checkpoint that an earlier key of the server signed is taken', async () => {
  const earlier = crypto.generateSigningKey()
  const earlierKeys = [{ publicKey: encodeBase64url(earlier.publicKey), certSerial: '01', untilMs: 5 }]
  const server = { ref, publicKey, earlierKeys }
  const log = new LogWalk({ crypto, server, fetchConsistency: () => Promise.resolve([b]) })
  await log.next(anchored(1, 1, { checkpoint: noteOf(1, rootOf(1), earlier) }))
  await log.next(anchored(2, 2))
  assert.equal(log.epoch, 2)
})
