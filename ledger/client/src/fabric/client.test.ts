/** What the client does without a network: it refuses what it can see is wrong, and says that nobody answers. */
import assert from 'node:assert/strict'
import net, { type AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { encodePem } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { createConsortium, issueCertificate, type TestOrganization } from '../../../../testkit/src/consortium.ts'
import { createFabricLedgerClient, type FabricLedgerClientOptions } from './client.ts'
import type { FabricProfile } from './profile.ts'

const crypto = createNodeCrypto()
const [a] = (await createConsortium()).organizations as [TestOrganization]
const cleanups: (() => Promise<void> | void)[] = []
after(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

function connect(endpoint = '127.0.0.1:1', options: Partial<FabricLedgerClientOptions> = {}) {
  const node = { mspId: a.mspId, endpoint, tlsRootPem: encodePem('CERTIFICATE', a.authority.root), serverName: 'peer0' }
  const profile: FabricProfile = { channel: 'health', chaincode: 'trusthealth', peers: [node], orderers: [] }
  const client = createFabricLedgerClient(profile, { crypto, identity: a.admin, deadlineMs: 200, ...options })
  cleanups.push(() => client.close())
  return client
}

/** Takes connections and says nothing. */
async function silence(): Promise<string> {
  const sockets: net.Socket[] = []
  const server = net.createServer((socket) => sockets.push(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const call = { fn: 'participant', args: ['x'] }
const away = { name: 'LedgerError', code: 'LEDGER_UNAVAILABLE' }

test('refused without asking: unknown functions, a wrong number of arguments', async () => {
  const client = connect()
  for (const ask of [
    (fn: string, ...args: string[]) => client.query({ fn, args }),
    (fn: string, ...args: string[]) => client.prepare(a.admin, { fn, args }),
  ]) {
    await assert.rejects(ask('noSuchFunction'), { code: 'LEDGER_UNKNOWN_FUNCTION' })
    await assert.rejects(ask('participant'), { code: 'LEDGER_BAD_ARGUMENT' })
  }
})

test('refused without asking: a certificate that has ended, is not in force yet, or is none', async () => {
  const nowMs = Date.now()
  const ended = await issueCertificate(a.authority, 'doctor', { notBeforeMs: nowMs - 2_000_000, notAfterMs: nowMs - 1 })
  const early = await issueCertificate(a.authority, 'doctor', { notBeforeMs: nowMs + 1_000_000 })
  for (const identity of [ended, early, { ...ended, cert: new Uint8Array(3) }]) {
    await assert.rejects(connect().prepare(identity, call), { code: 'LEDGER_IDENTITY_REJECTED' })
  }
})

test('refused without asking: what is no transaction', async () => {
  const signature = new Uint8Array(64)
  for (const proposal of [new Uint8Array(0), Uint8Array.of(0xff), Uint8Array.of(0x0a, 0)]) {
    await assert.rejects(connect().submit({ proposal, signature }), { code: 'LEDGER_BAD_PROPOSAL' })
  }
})

test('LEDGER_UNAVAILABLE: nobody there, nobody who answers in time', async () => {
  for (const endpoint of ['127.0.0.1:1', await silence()]) {
    const client = connect(endpoint, { attemptMs: 100 })
    await assert.rejects(client.height(), away)
    await assert.rejects(client.query(call), away)
    await assert.rejects(client.prepare(a.admin, call), away)
    await assert.rejects(client.endorsedRead({ ...call, nonce: new Uint8Array(32) }), away)
  }
})

test('a closed client refuses, what was under way too, and its streams end', async () => {
  const client = connect(await silence(), { deadlineMs: 60_000, attemptMs: 60_000 })
  const underWay = client.height()
  const stream = client.blocks(0)[Symbol.asyncIterator]().next()
  await client.close()
  await assert.rejects(underWay, away)
  assert.equal((await stream).done, true)
  await assert.rejects(client.height(), away)
})
