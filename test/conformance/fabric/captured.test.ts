import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { common } from '@hyperledger/fabric-protos'
import { fabricTransactionsOf } from '../../../ledger/client/src/fabric/index.ts'
import { toLedgerBlock } from '../../../ledger/client/src/fabric/envelopes.ts'
import { type Crypto, decodeBase64url } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { createPortableCrypto } from '../../../shared/crypto/src/portable-crypto.ts'
import { EndorsedReader, type EndorsementTrust } from '../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'

interface Captured {
  readonly channel: string
  readonly chaincode: string
  readonly quorum: number
  readonly organizations: readonly { readonly mspId: MspId; readonly roots: readonly string[] }[]
  readonly nonce: string
  readonly height: number
  readonly queries: readonly { readonly fn: string; readonly args: readonly string[] }[]
  readonly answers: readonly { readonly answer: string; readonly signature: string }[]
  readonly blocks: readonly string[]
}

const captured = JSON.parse(readFileSync(new URL('captured.json', import.meta.url), 'utf8')) as Captured
const { channel, chaincode, quorum, queries, height } = captured
const organizations = captured.organizations.map(({ mspId, roots }) => ({ mspId, roots: roots.map(decodeBase64url) }))
const trust: EndorsementTrust = { channel, quorum, fabric: { chaincode, organizations } }
const nonce = decodeBase64url(captured.nonce)
const answers = captured.answers.map(({ answer, signature }) => ({
  answer: decodeBase64url(answer),
  signature: decodeBase64url(signature),
}))
const crypto = createNodeCrypto()
const implementations: readonly Crypto[] = [crypto, createPortableCrypto((length) => new Uint8Array(length))]

test('answers of real peers are accepted, with either implementation of cryptography', () => {
  for (const implementation of implementations) {
    const reader: EndorsedReader = new EndorsedReader(implementation, trust)
    const read = queries.map((query) => reader.read({ query, nonce, minHeight: height }, answers))
    assert.deepEqual(
      read.map(({ status }) => status),
      [200, 200, 'PARTICIPANT_UNKNOWN'],
    )
    assert.equal((JSON.parse(read[0]?.result ?? '') as { ref: string }).ref, queries[0]?.args[0])
    assert.ok(read.every((one) => one.height >= height))
  }
})

test('refused: every byte of a real answer or signature changed', () => {
  const [first, second] = answers
  assert.ok(first !== undefined && second !== undefined && answers.length === 2)
  const [query] = queries
  assert.ok(query !== undefined)
  for (const part of ['answer', 'signature'] as const) {
    for (let i = 0; i < second[part].length; i++) {
      const changed = second[part].slice()
      changed[i] = (changed[i] as number) ^ 1
      const read = () =>
        new EndorsedReader(crypto, trust).read({ query, nonce, minHeight: 0 }, [first, { ...second, [part]: changed }])
      assert.throws(read, { name: 'LedgerError' }, `${part} ${i}`)
    }
  }
})

test('blocks follow each other by their hashes, and say who endorsed what', () => {
  const [first, second] = captured.blocks.map((block) => common.Block.deserializeBinary(decodeBase64url(block)))
  assert.ok(first !== undefined && second !== undefined)
  const { hash, number, transactions, kind, encoded } = toLedgerBlock(first, chaincode)
  assert.deepEqual(new Uint8Array(second.getHeader()?.getPreviousHash_asU8() ?? []), hash)
  assert.equal(kind, 'data')
  const [transaction] = transactions
  assert.deepEqual(
    [transaction?.fn, transaction?.status, transaction?.event?.name, transaction?.block],
    ['registerParticipant', 'VALID', 'ParticipantRegistered', number],
  )
  const [details] = fabricTransactionsOf(encoded)
  assert.equal(details?.validationCode, 'VALID')
  assert.deepEqual(details?.endorsements.map(({ mspId }) => mspId).toSorted(), ['HospitalA', 'HospitalB'])
  const other = second.getHeader()
  other?.setDataHash(new Uint8Array(32))
  assert.throws(() => toLedgerBlock(second, chaincode), { code: 'LEDGER_BLOCK_INVALID' })
})

test('refused: bytes that are no block', () => {
  for (const bytes of [Uint8Array.of(0xff, 0xff), Uint8Array.of(0x12, 4, 0x0a, 2, 0x0a, 9)]) {
    assert.throws(() => fabricTransactionsOf(bytes), { code: 'LEDGER_BLOCK_INVALID' })
  }
})
