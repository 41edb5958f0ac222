/** The HTTP client when the ledger is away, slow, restarted, or something else answers in its place. */
import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  createConsortium,
  createPatient,
  patientRegistrationOf,
  registrationOf,
  type TestOrganization,
} from '../../../../testkit/src/consortium.ts'
import { makeFolder } from '../../../../testkit/src/embedded-ledger.ts'
import { startEmbeddedLedger } from '../../../embedded/src/index.ts'
import { createEmbeddedLedgerClient, type EmbeddedLedgerClientOptions, submitCall } from '../index.ts'

const crypto = createNodeCrypto()
const consortium = await createConsortium()
const [a] = consortium.organizations as [TestOrganization]
const cleanups: (() => Promise<void> | void)[] = []
after(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

function connect(url: string, options: Partial<EmbeddedLedgerClientOptions> = {}) {
  const client = createEmbeddedLedgerClient(url, { crypto, channel: 'health', identity: a.admin, ...options })
  cleanups.push(() => client.close())
  return client
}

function folderFor() {
  const { folder, remove } = makeFolder()
  cleanups.push(remove)
  return folder
}

/** A server that answers with `handler`. */
async function serve(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const start = (folder: string, port = 0) => {
  const { genesis, nodeKey } = consortium
  return startEmbeddedLedger({ folder, port, genesis, nodeKey, crypto })
}
const registration = () => ({
  fn: 'registerParticipant',
  args: [JSON.stringify(patientRegistrationOf(createPatient()))],
})

test('a proposal waits for a ledger that restarts, and counts once', async () => {
  const folder = folderFor()
  const first = await start(folder)
  const client = connect(first.url)
  await submitCall(client, a.admin, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(a.hospital))] })
  const signed = await client.prepare(a.hospital, registration())
  const status = await client.submit(signed)
  await first.close()
  const waiting = client.submit(signed)
  const lost = client.submit(await client.prepare(a.hospital, registration()))
  const again = await start(folder, Number(new URL(first.url).port))
  cleanups.push(() => again.close())
  assert.deepEqual(await waiting, status)
  assert.equal((await lost).block, status.block + 1)
})

test('the block stream goes on after the ledger was away, without a gap and without repetition', async () => {
  const folder = folderFor()
  const first = await start(folder)
  const client = connect(first.url)
  await submitCall(client, a.admin, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(a.hospital))] })
  const seen: number[] = []
  for await (const { number } of client.blocks(0)) {
    seen.push(number)
    if (number === 1) {
      await first.close()
      const again = await start(folder, Number(new URL(first.url).port))
      cleanups.push(() => again.close())
      await submitCall(client, a.hospital, registration())
    }
    if (number === 2) break
  }
  assert.deepEqual(seen, [0, 1, 2])
})

test('refused: nobody there, nobody who answers in time, an answer cut short', async () => {
  const gone = await serve(() => {})
  const port = new URL(gone).port
  const options = { attemptMs: 100, deadlineMs: 250 }
  const away = { code: 'LEDGER_UNAVAILABLE' }
  const signed = await connect(gone).prepare(a.admin, registration())
  await assert.rejects(connect('http://127.0.0.1:1', options).height(), away)
  await assert.rejects(connect(`http://127.0.0.1:${port}`, options).submit(signed), away)
  const cut = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{', () => response.destroy())
  })
  await assert.rejects(connect(cut, options).submit(signed), away)
})

test('refused: something else that answers in the place of a ledger', async () => {
  const options = { attemptMs: 500, deadlineMs: 100 }
  const answers: [number, string][] = [
    [200, '{"hello":1}'],
    [200, 'text'],
    [404, ''],
    [502, '<html>'],
    [500, '{"code":"NO_SUCH_CODE"}'],
  ]
  for (const [status, body] of answers) {
    const url = await serve((_request, response) => response.writeHead(status).end(body))
    const client = connect(url, options)
    const signed = await client.prepare(a.admin, registration())
    await assert.rejects(client.submit(signed), { code: 'LEDGER_UNAVAILABLE' }, `${status} ${body}`)
    await assert.rejects(client.height(), { code: 'LEDGER_UNAVAILABLE' })
  }
  const garbage = await serve((_request, response) => response.end('garbage'))
  const query = { fn: 'participant', args: ['x'] }
  await assert.rejects(connect(garbage).query(query), { code: 'ENDORSEMENT_MALFORMED' })
  await assert.rejects(connect(garbage).block(0), { code: 'LEDGER_BLOCK_INVALID' })
  await assert.rejects(connect(garbage).blocks(0)[Symbol.asyncIterator]().next(), { code: 'LEDGER_BLOCK_INVALID' })
})

test('a busy ledger is asked again; its refusals are final', async () => {
  const codes = ['LEDGER_BUSY', 'LEDGER_BUSY', 'LEDGER_FORBIDDEN']
  let asked = 0
  const url = await serve((_request, response) => {
    response.writeHead(503).end(JSON.stringify({ code: codes[asked++] }))
  })
  const client = connect(url)
  const signed = await client.prepare(a.admin, registration())
  await assert.rejects(client.submit(signed), { code: 'LEDGER_FORBIDDEN' })
  assert.equal(asked, 3)
})

test('refused: a stream that leaves a block out', async () => {
  const ledger = await start(folderFor())
  cleanups.push(() => ledger.close())
  const page = await fetch(`${ledger.url}/v1/blocks`).then((answer) => answer.arrayBuffer())
  const url = await serve((_request, response) => response.end(Buffer.from(page)))
  await assert.rejects(connect(url).blocks(5)[Symbol.asyncIterator]().next(), {
    code: 'LEDGER_BLOCK_INVALID',
    block: 5,
  })
})

test('a closed client refuses, what was under way too, and its streams end', async () => {
  const silent = await serve(() => {})
  const client = connect(silent)
  const underWay = client.height()
  const stream = client.blocks(0)[Symbol.asyncIterator]().next()
  await client.close()
  await assert.rejects(underWay, { code: 'LEDGER_UNAVAILABLE' })
  assert.equal((await stream).done, true)
  await assert.rejects(client.height(), { code: 'LEDGER_UNAVAILABLE' })
})
