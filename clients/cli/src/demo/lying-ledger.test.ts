import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  decodeEndorsedAnswers,
  decodeQuery,
  decodeSignedQuery,
  encodeEndorsedAnswers,
  encodeSignedQuery,
  signQuery,
  type EndorsedQuery,
} from '../../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../../shared/protocol/src/index.ts'
import { LyingLedger } from './lying-ledger.ts'

const crypto = createNodeCrypto()
const signingKey = crypto.generateSigningKey()
const call = (name: string): EndorsedQuery => ({ fn: 'participant', args: [name] })

test('each question gets its own answer of before, however it is asked, and a new one the truth', async (t) => {
  let day = 1
  /** Answers with the day. */
  const ledger = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { queries } = decodeQuery(decodeSignedQuery(Buffer.concat(chunks)).query)
      const rows = queries.map(({ args }) => [
        { answer: new TextEncoder().encode(`${args.join()} ${day}`), signature: new Uint8Array(64) },
      ])
      response.end(encodeEndorsedAnswers(rows))
    })
  })
  await new Promise<void>((resolve) => ledger.listen(0, '127.0.0.1', resolve))
  t.after(() => ledger.close())
  const lying = await LyingLedger.start(`http://127.0.0.1:${(ledger.address() as AddressInfo).port}`)
  t.after(() => lying.close())
  const ask = async (...names: string[]): Promise<string[]> => {
    const query = {
      channel: 'health',
      mspId: 'HospitalA' as MspId,
      cert: new Uint8Array(1),
      timeMs: 1,
      nonce: crypto.randomBytes(32),
      queries: names.map(call),
    }
    const body = Uint8Array.from(encodeSignedQuery(signQuery(crypto, signingKey, query)))
    const response = await fetch(`${lying.url}/v1/endorsed-reads`, { method: 'POST', body })
    const rows = decodeEndorsedAnswers(new Uint8Array(await response.arrayBuffer()))
    return rows.map((row) => row.map(({ answer }) => new TextDecoder().decode(answer)).join())
  }
  assert.deepEqual(await ask('bob', 'hospital'), ['bob 1', 'hospital 1'])
  day = 2
  assert.deepEqual(await ask('hospital'), ['hospital 2'])
  lying.lie()
  day = 3
  assert.deepEqual(await ask('omar'), ['omar 3'])
  assert.equal(lying.lied, 0)
  assert.deepEqual(await ask('bob'), ['bob 1'])
  assert.deepEqual(await ask('hospital', 'omar', 'bob'), ['hospital 2', 'omar 3', 'bob 1'])
  assert.equal(lying.lied, 2)
})
