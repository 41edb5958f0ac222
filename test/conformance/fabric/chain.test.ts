/** The check of a whole chain, on the blocks of a real channel: taken as they are, refused with anything changed. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { common } from '@hyperledger/fabric-protos'
import { verifyFabricChain } from '../../../ledger/client/src/fabric/index.ts'
import { fabricTrustShape, type LedgerBlock } from '../../../ledger/client/src/index.ts'
import { toLedgerBlock } from '../../../ledger/client/src/fabric/envelopes.ts'
import { FabricTransactionVerifier } from '../../../ledger/client/src/fabric/verify-transaction.ts'
import { decodeBase64url } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { FabricTrust, Organization } from '../../../shared/ledger-model/src/index.ts'
import { mspIdShape } from '../../../shared/protocol/src/index.ts'
import { createConsortium } from '../../../testkit/src/consortium.ts'

interface Captured {
  readonly channel: string
  readonly trust: unknown
  readonly blocks: readonly string[]
}

const captured = JSON.parse(readFileSync(new URL('chain.json', import.meta.url), 'utf8')) as Captured
const { channel } = captured
const crypto = createNodeCrypto()
const trust = fabricTrustShape(captured.trust, 'trust')
const chain = captured.blocks.map((block) => decodeBase64url(block))
const last = chain.length - 1
const others = (await createConsortium()).organizations.map(({ authority }) => authority.root)

const verify = (blocks: readonly Uint8Array[], changes: Partial<Parameters<typeof verifyFabricChain>[1]> = {}) => {
  async function* deliver(): AsyncGenerator<LedgerBlock> {
    // As a peer gives them: nothing is checked on the way.
    for (const [number, encoded] of blocks.entries()) yield await Promise.resolve({ number, encoded } as LedgerBlock)
  }
  return verifyFabricChain({ blocks: deliver }, { crypto, channel, trust, height: blocks.length - 1, ...changes })
}

/** A copy of the chain with one block changed. */
function changed(number: number, change: (block: common.Block) => void): Uint8Array[] {
  return chain.map((encoded, i) => {
    if (i !== number) return encoded
    const block = common.Block.deserializeBinary(encoded)
    change(block)
    return block.serializeBinary()
  })
}

const refusedAt = (block: number) => ({ name: 'LedgerError', code: 'LEDGER_BLOCK_INVALID', block })

function dataOf(block: common.Block): Uint8Array[] {
  return block.getData()?.getDataList_asU8() ?? []
}

test('the chain as it is', async () => {
  const seen: number[] = []
  const report = await verify(chain, { onProgress: (number) => seen.push(number) })
  assert.equal(report.blocks, chain.length)
  // Two approvals and the definition, two registrations.
  assert.equal(report.transactions, 5)
  assert.ok(report.endorsements >= 8)
  assert.equal(report.ordererSignatures, last)
  assert.deepEqual(
    seen,
    chain.map((_block, number) => number),
  )
  assert.equal((await verify(chain, { expectedHead: report.head })).head.number, last)
})

test('refused: a block that is missing, twice, or exchanged', async () => {
  const [first, second, third, ...rest] = chain as [Uint8Array, Uint8Array, Uint8Array]
  await assert.rejects(verify([first, third, ...rest]), refusedAt(1))
  await assert.rejects(verify([first, second, second]), refusedAt(2))
  await assert.rejects(verify([first, third, second, ...rest]), refusedAt(1))
  await assert.rejects(verify([second, third]), refusedAt(0))
  await assert.rejects(verify([]), refusedAt(0))
})

test('refused: a chain that ends earlier, or goes on differently, than an earlier check saw', async () => {
  const { head } = await verify(chain)
  await assert.rejects(verify(chain.slice(0, -1), { expectedHead: head }), refusedAt(last - 1))
  await assert.rejects(verify(chain, { expectedHead: { ...head, hash: new Uint8Array(32) } }), refusedAt(last))
})

test('refused: contents changed, whatever the header says', async () => {
  for (const number of chain.keys()) {
    const data = dataOf(common.Block.deserializeBinary(chain[number] as Uint8Array))
    for (const fixed of [false, true]) {
      for (const at of [10, 200, 700]) {
        const altered = data.map((one, i) => (i === 0 ? flipped(one, at) : one))
        const blocks = changed(number, (block) => {
          block.getData()?.setDataList(altered)
          if (fixed) block.getHeader()?.setDataHash(crypto.sha256(...altered))
        })
        await assert.rejects(verify(blocks), { code: 'LEDGER_BLOCK_INVALID' }, `block ${number}, byte ${at}`)
      }
    }
  }
})

test('refused: a header changed, an orderer without or with another signature', async () => {
  for (let number = 1; number <= last; number++) {
    const renumbered = (block: common.Block) => block.getHeader()?.setNumber(number + 1)
    await assert.rejects(verify(changed(number, renumbered)), refusedAt(number))
    const previous = (block: common.Block) => block.getHeader()?.setPreviousHash(new Uint8Array(32))
    await assert.rejects(verify(changed(number, previous)), refusedAt(number))
    const unsigned = (block: common.Block) => setSignatures(block, () => [])
    await assert.rejects(verify(changed(number, unsigned)), refusedAt(number))
    const otherwise = (block: common.Block) =>
      setSignatures(block, (signatures) => {
        for (const one of signatures) one.setSignature(flipped(one.getSignature_asU8(), 20))
        return signatures
      })
    await assert.rejects(verify(changed(number, otherwise)), refusedAt(number))
  }
})

test('refused: members or a channel that are not the reader’s', async () => {
  const [a, b] = trust.organizations as [Organization, Organization]
  const exchanged = { ...b, roots: [others[0] as Uint8Array] }
  for (const organizations of [[a], [a, exchanged], [a, b, { ...b, mspId: mspIdShape('HospitalC', 'mspId') }]]) {
    await assert.rejects(verify(chain, { trust: { ...trust, organizations } }), refusedAt(0))
  }
  await assert.rejects(verify(chain, { channel: 'another' }), refusedAt(0))
})

const block = common.Block.deserializeBinary(chain[last] as Uint8Array)
const envelope = dataOf(block)[0] as Uint8Array
const check = (bytes: Uint8Array, believed: FabricTrust = trust) =>
  new FabricTransactionVerifier({ crypto, channel, trust: believed }).check(common.Envelope.deserializeBinary(bytes))

test('a transaction by itself: its writer and the peers of both organisations', () => {
  const [transaction] = toLedgerBlock(block, trust.chaincode).transactions
  assert.deepEqual(check(envelope), { txId: transaction?.txId, endorsements: 2 })
  // Refused: every part of it changed.
  for (let at = 4; at < envelope.length; at += 61) assert.throws(() => check(flipped(envelope, at)), `byte ${at}`)
})

test('refused: a result that too few of the organisations endorsed', () => {
  const [a, b] = trust.organizations as [Organization, Organization]
  const more = ['HospitalC', 'HospitalD'].map((name, i) => ({
    mspId: mspIdShape(name, 'mspId'),
    roots: [others[i] as Uint8Array],
  }))
  // Two of three are a majority, two of four are not.
  const c = more[0] as Organization
  assert.equal(check(envelope, { ...trust, organizations: [a, b, c] })?.endorsements, 2)
  for (const organizations of [
    [a, b, ...more],
    [a, { ...b, roots: c.roots }],
    [{ ...a, roots: c.roots }, b],
  ]) {
    const withWriter = () => check(envelope, { ...trust, organizations })
    assert.throws(withWriter, { code: 'LEDGER_BLOCK_INVALID' })
  }
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  const place = Math.min(at, copy.length - 1)
  copy[place] = (copy[place] as number) ^ 1
  return copy
}

function setSignatures(
  of: common.Block,
  change: (signatures: common.MetadataSignature[]) => common.MetadataSignature[],
): void {
  const all = of.getMetadata()?.getMetadataList_asU8() ?? []
  const metadata = common.Metadata.deserializeBinary(all[common.BlockMetadataIndex.SIGNATURES] as Uint8Array)
  metadata.setSignaturesList(change(metadata.getSignaturesList()))
  of.getMetadata()?.setMetadataList(
    all.map((one, i) => (i === common.BlockMetadataIndex.SIGNATURES ? metadata.serializeBinary() : one)),
  )
}
