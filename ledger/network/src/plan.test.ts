import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import type { NetworkOptions } from './options.ts'
import {
  checkSameNetwork,
  createPlan,
  formatPlan,
  hostOf,
  parsePlan,
  peersOf,
  planOrganization,
  slugOf,
} from './plan.ts'

const organization = (mspId: string, name = mspId) => ({ mspId: mspId as MspId, name, authority: undefined as never })
const options: NetworkOptions = { folder: '', organizations: [organization('HospitalA'), organization('HospitalB')] }
const rejected = { code: 'NETWORK_OPTIONS_REJECTED' }

test('a plan names every node once and gives every listener a port of its own', async () => {
  const plan = await createPlan(options)
  const names = [
    ...plan.orderers.map(({ name }) => name),
    ...plan.organizations.flatMap(({ peer, chaincode }) => [peer.name, chaincode.name]),
  ]
  assert.deepEqual(names, [
    'orderer1',
    'orderer2',
    'orderer3',
    'peer0.hospitala',
    'chaincode.hospitala',
    'peer0.hospitalb',
    'chaincode.hospitalb',
  ])
  const ports = [
    ...plan.orderers.flatMap(({ port, adminPort, operationsPort }) => [port, adminPort, operationsPort]),
    ...plan.organizations.flatMap(({ peer, chaincode }) => {
      return [peer.port, peer.chaincodePort, peer.operationsPort, chaincode.port]
    }),
  ]
  assert.equal(new Set(ports).size, 3 * 3 + 2 * 4)
  // Not among those that outgoing connections get.
  for (const port of ports) assert.ok(port >= 10_000 && port < 32_768)
})

test('with a base port, ports follow each other from there', async () => {
  const plan = await createPlan({ ...options, basePort: 7_050 })
  assert.equal(plan.orderers[0]?.port, 7_050)
  assert.equal(plan.organizations[1]?.chaincode.port, 7_050 + 3 * 3 + 2 * 4 - 1)
})

test('a plan that was written is read as it was', async () => {
  const plan = await createPlan({ ...options, orderers: 1, batchTimeoutMs: 20, channel: 'other' })
  assert.deepEqual(parsePlan(formatPlan(plan)), plan)
})

const impossible: readonly (readonly [string, Partial<NetworkOptions>])[] = [
  ['no organisation', { organizations: [] }],
  ['no orderer', { orderers: 0 }],
  ['BFT with three orderers', { ordering: 'bft', orderers: 3 }],
  ['a negative number of orderers', { orderers: -1 }],
  ['two organisations of one identifier', { organizations: [organization('A', 'One'), organization('A', 'Two')] }],
  [
    'two names that are the same in certificates',
    { organizations: [organization('A', 'H 1'), organization('B', 'h-1')] },
  ],
  ['the identifier of the orderers', { organizations: [organization('OrdererMSP')] }],
  ['a name of which nothing is left', { organizations: [organization('A', '–')] }],
  ['a channel name that Fabric does not take', { channel: 'Health' }],
  ['a chaincode name with a slash', { chaincode: 'a/b' }],
  ['ports past the last one', { basePort: 65_530 }],
  ['blocks that are closed at once', { batchTimeoutMs: 0 }],
]
for (const [what, change] of impossible) {
  test(`${what} is refused`, async () => {
    await assert.rejects(createPlan({ ...options, ...change }), rejected)
  })
}

test('a damaged plan is told as such', () => {
  for (const text of ['', '{', '{}', '{"v":2}'])
    assert.throws(() => parsePlan(text), { code: 'NETWORK_FOLDER_DAMAGED' })
})

test('an existing network is taken with the same options, or without them', async () => {
  const plan = await createPlan({ ...options, channel: 'health', orderers: 3 })
  checkSameNetwork(plan, options)
  checkSameNetwork(plan, { ...options, channel: 'health', chaincode: 'trusthealth', orderers: 3 })
})

test('organisations may come later, and have several peers', async () => {
  const plan = await createPlan({ ...options, peers: 3 })
  const [first] = plan.organizations
  assert.ok(first !== undefined)
  assert.deepEqual(
    peersOf(first).map(({ name }) => name),
    ['peer0.hospitala', 'peer1.hospitala', 'peer2.hospitala'],
  )
  const more = [...options.organizations, organization('HospitalC')]
  checkSameNetwork(plan, { ...options, organizations: more, peers: 3 })
  const third = await planOrganization(plan, organization('HospitalC'), 2)
  assert.deepEqual(
    peersOf(third).map(({ name }) => name),
    ['peer0.hospitalc', 'peer1.hospitalc'],
  )
  assert.deepEqual(parsePlan(formatPlan({ ...plan, joining: third })), { ...plan, joining: third })
  for (const taken of [organization('HospitalB'), organization('HospitalC', 'Hospitalb'), organization('OrdererMSP')]) {
    await assert.rejects(planOrganization(plan, taken), rejected)
  }
  await assert.rejects(createPlan({ ...options, peers: 9 }), rejected)
})

const others: readonly Partial<NetworkOptions>[] = [
  { organizations: [organization('HospitalA')] },
  { organizations: [organization('HospitalB'), organization('HospitalA')] },
  { channel: 'other' },
  { chaincode: 'other' },
  { orderers: 1 },
  { ordering: 'bft' },
  { peers: 2 },
]
for (const change of others) {
  test(`an existing network is not another one: ${Object.keys(change).join()}`, async () => {
    const plan = await createPlan(options)
    assert.throws(() => checkSameNetwork(plan, { ...options, ...change }), rejected)
  })
}

test('names become parts of host names', () => {
  assert.equal(slugOf('Hospital A'), 'hospital-a')
  assert.equal(slugOf(' St. Mary’s '), 'st-mary-s')
})

test('orderers may have a place of their own, which is kept', async () => {
  const ordererPlace = (number: number) => ({
    host: `198.18.0.${number}`,
    within: ['ip', 'netns', 'exec', `n${number}`],
  })
  const plan = parsePlan(formatPlan(await createPlan({ ...options, ordererPlace })))
  assert.deepEqual(plan.orderers.map(hostOf), ['198.18.0.1', '198.18.0.2', '198.18.0.3'])
  assert.deepEqual(plan.orderers[2]?.place?.within, ['ip', 'netns', 'exec', 'n3'])
  assert.deepEqual((await createPlan(options)).orderers.map(hostOf), ['127.0.0.1', '127.0.0.1', '127.0.0.1'])
  const nowhere = () => ({ host: 'elsewhere', within: ['ip'] })
  await assert.rejects(createPlan({ ...options, ordererPlace: nowhere }), rejected)
})
