/** The HTTP interface: forms of answers, limits, waiting for blocks, and that it is described as it is. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import {
  decodeBlock,
  decodeBlocks,
  decodeEndorsedAnswers,
  encodeConfiguration,
  decodeConfigurationUpdate,
  encodeConfigurationUpdate,
  encodeSignedProposal,
  encodeSignedQuery,
  MAX_PROPOSAL_BYTES,
  signConfiguration,
  signQuery,
} from '../../../shared/ledger-model/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { ERROR_TABLE, type ErrorCode } from '../../../shared/protocol/src/index.ts'
import { createPatient, patientRegistrationOf, registrationOf } from '../../../testkit/src/consortium.ts'
import { openTestNode, proposalOf } from '../../../testkit/src/embedded-ledger.ts'
import { createHttpServer } from './http-server.ts'
import { openApi } from './openapi.ts'

const crypto = createNodeCrypto()
let world: Awaited<ReturnType<typeof openTestNode>>
let app: FastifyInstance

before(async () => {
  world = await openTestNode()
  app = createHttpServer(world.node)
  const { consortium, a } = world
  const args = [JSON.stringify(registrationOf(a.hospital))]
  await world.node.submit(proposalOf(consortium, a.admin, { fn: 'registerParticipant', args }))
})
after(async () => {
  await app.close()
  world.close()
})

const post = (url: string, body: Uint8Array, type = 'application/cbor') =>
  app.inject({ method: 'POST', url, payload: Buffer.from(body), headers: { 'content-type': type } })
const proposal = () =>
  encodeSignedProposal(
    proposalOf(world.consortium, world.a.hospital, {
      fn: 'registerParticipant',
      args: [JSON.stringify(patientRegistrationOf(createPatient()))],
    }),
  )
const bytes = (answer: { readonly rawPayload: Buffer }) => new Uint8Array(answer.rawPayload)

async function refused(code: ErrorCode, status: number, answer: ReturnType<typeof post>): Promise<void> {
  const { statusCode, body } = await answer
  const { meaning, action } = ERROR_TABLE[code]
  assert.deepEqual([statusCode, JSON.parse(body)], [status, { code, meaning, action }])
}

test('a proposal is answered with its place, and found by its id', async () => {
  const answer = await post('/v1/proposals', proposal())
  const status = answer.json<{ txId: string; block: number }>()
  assert.deepEqual([answer.statusCode, status.block], [200, world.node.height])
  const found = await app.inject(`/v1/transactions/${status.txId}`)
  assert.deepEqual({ ...status, status: 'VALID' }, pick(found.json(), [...Object.keys(status), 'status']))
})

test('queries are answered in CBOR', async () => {
  const { mspId, cert, signingKey } = world.a.admin
  const queries = [{ fn: 'participant', args: [world.a.hospital.ref] }]
  const query = { channel: 'health', mspId, cert, timeMs: Date.now(), nonce: crypto.randomBytes(32), queries }
  const answer = await post('/v1/endorsed-reads', encodeSignedQuery(signQuery(crypto, signingKey, query)))
  assert.equal(answer.headers['content-type'], 'application/cbor')
  assert.equal(decodeEndorsedAnswers(bytes(answer)).length, 1)
})

test('blocks come alone and in pages; one that is not there is 404 or an empty page', async () => {
  const one = decodeBlock(bytes(await app.inject('/v1/blocks/1')))
  assert.deepEqual(one, world.node.block(1))
  const page = async (query: string) => decodeBlocks(bytes(await app.inject(`/v1/blocks${query}`)))
  assert.deepEqual((await page(''))[1], one)
  assert.deepEqual(await page('?from=1&limit=1'), [one])
  assert.deepEqual(await page('?from=1000'), [])
  assert.deepEqual(await page('?from=1000&waitMs=1'), [])
  await refused('HTTP_NOT_FOUND', 404, app.inject('/v1/blocks/1000'))
})

test('a page waits for the block that it starts with', async () => {
  const next = world.node.height + 1
  const waiting = app.inject(`/v1/blocks?from=${next}&waitMs=20000`)
  await post('/v1/proposals', proposal())
  assert.deepEqual(decodeBlocks(bytes(await waiting)), [world.node.block(next)])
})

test('a configuration is taken with its signatures', async () => {
  const { consortium, a, b } = world
  const configuration = encodeConfiguration({ ...consortium.genesis, sequence: 1 })
  const signatures = [a.admin, b.admin].map((admin) => signConfiguration(crypto, admin, configuration))
  const update = encodeConfigurationUpdate({ configuration, signatures })
  await refused('HTTP_NOT_FOUND', 404, app.inject('/v1/configurations/1'))
  const answer = await post('/v1/configurations', update)
  assert.deepEqual(answer.json(), { block: world.node.height })
  assert.deepEqual(bytes(await app.inject('/v1/configurations/1')), update)
  const first = decodeConfigurationUpdate(bytes(await app.inject('/v1/configurations/0')))
  assert.deepEqual(first, { configuration: encodeConfiguration(consortium.genesis), signatures: [] })
  await refused('HTTP_BAD_REQUEST', 400, app.inject('/v1/configurations/x'))
  const again = post('/v1/configurations', encodeConfigurationUpdate({ configuration, signatures }))
  await refused('LEDGER_CONFIGURATION_REJECTED', 403, again)
})

test('status, health, figures', async () => {
  const status = (await app.inject('/v1/status')).json<Record<string, unknown>>()
  const { genesisHash, blockHash, ...rest } = status
  assert.match(`${String(genesisHash)}${String(blockHash)}`, /^[0-9a-f]{128}$/)
  assert.deepEqual(rest, {
    channel: 'health',
    height: world.node.height,
    mspId: 'HospitalA',
    organizations: ['HospitalA', 'HospitalB'],
    waiting: 0,
    writable: true,
  })
  assert.deepEqual((await app.inject('/health')).json(), { ok: true })
  const figures = (await app.inject('/metrics')).body
  assert.ok(figures.includes(`ledger_height ${world.node.height}`))
  assert.match(figures, /ledger_proposals_total\{outcome="VALID"\} [1-9]/)
})

test('refusals have a code, its meaning, what to do, and the status of their kind', async () => {
  const forbidden = encodeSignedProposal(
    proposalOf(world.consortium, world.a.admin, {
      fn: 'registerParticipant',
      args: [JSON.stringify(patientRegistrationOf(createPatient()))],
    }),
  )
  await refused('LEDGER_FORBIDDEN', 403, post('/v1/proposals', forbidden))
  await refused('LEDGER_BAD_PROPOSAL', 400, post('/v1/proposals', Uint8Array.of(1)))
  await refused('LEDGER_BAD_PROPOSAL', 400, post('/v1/endorsed-reads', Uint8Array.of(1)))
  await refused('HTTP_MEDIA_TYPE', 415, post('/v1/proposals', proposal(), 'application/json'))
  await refused('HTTP_TOO_LARGE', 413, post('/v1/proposals', new Uint8Array(MAX_PROPOSAL_BYTES + 2_000)))
  await refused('HTTP_TOO_LARGE', 413, post('/v1/endorsed-reads', new Uint8Array(300_000)))
  await refused('HTTP_NOT_FOUND', 404, app.inject('/v1/nothing'))
  await refused('HTTP_NOT_FOUND', 404, app.inject(`/v1/transactions/${'0'.repeat(64)}`))
  await refused('HTTP_NOT_FOUND', 404, app.inject('/v1/transactions/x'))
  for (const url of ['/v1/blocks/-1', '/v1/blocks/x', '/v1/blocks?from=x', '/v1/blocks?from=1&from=2']) {
    await refused('HTTP_BAD_REQUEST', 400, app.inject(url))
  }
  await refused('LEDGER_BAD_PROPOSAL', 400, app.inject({ method: 'POST', url: '/v1/proposals' }))
})

test('every route is described, and nothing else', async () => {
  assert.deepEqual((await app.inject('/openapi.json')).json(), JSON.parse(JSON.stringify(openApi)))
  for (const [path, methods] of Object.entries(openApi.paths)) {
    for (const method of Object.keys(methods)) {
      const url = path.replace(/\{(\w+)\}/g, ':$1')
      assert.ok(app.hasRoute({ method: method.toUpperCase(), url }), `${method} ${path}`)
    }
  }
  const described = Object.values(openApi.paths).flatMap((methods) => Object.keys(methods)).length
  const routes = app.printRoutes({ commonPrefix: false }).match(/\((?:GET|POST)[^)]*\)/g) ?? []
  const listed = routes.flatMap((methods) => methods.slice(1, -1).split(', ')).filter((method) => method !== 'HEAD')
  assert.equal(listed.length, described)
})

function pick(value: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, value[name]]))
}
