/** What is signed for a change. That Fabric takes it: changes.fabric.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { common } from '@hyperledger/fabric-protos'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { signatureFromDer } from '../../../shared/crypto/src/index.ts'
import { createConsortium } from '../../../testkit/src/consortium.ts'
import { computeUpdate, signUpdate } from './configuration-update.ts'

const crypto = createNodeCrypto()

/** An organisation at version 3, whose MSP is at version 5. */
function organization(msp: string): common.ConfigGroup {
  const group = new common.ConfigGroup()
  group.setVersion(3)
  group.setModPolicy('Admins')
  const value = new common.ConfigValue()
  value.setVersion(5)
  value.setModPolicy('Admins')
  value.setValue(Buffer.from(msp))
  group.getValuesMap().set('MSP', value)
  const policy = new common.ConfigPolicy()
  policy.setVersion(2)
  policy.setPolicy(new common.Policy())
  group.getPoliciesMap().set('Admins', policy)
  return group
}

function configuration(members: Readonly<Record<string, string>>): common.Config {
  const application = new common.ConfigGroup()
  application.setVersion(7)
  application.setModPolicy('Admins')
  for (const [name, msp] of Object.entries(members)) application.getGroupsMap().set(name, organization(msp))
  const channel = new common.ConfigGroup()
  channel.setVersion(1)
  channel.getGroupsMap().set('Application', application)
  const config = new common.Config()
  config.setChannelGroup(channel)
  return config
}

/** Group path: version and what is named in it. */
function outline(group: common.ConfigGroup | undefined, path = ''): string[] {
  if (group === undefined) return []
  const lines = [`${path}/ ${group.getVersion()}`]
  const add = (kind: string, name: string, version: number) => lines.push(`${path}/${kind}:${name} ${version}`)
  group.getValuesMap().forEach((one: common.ConfigValue, name: string) => add('value', name, one.getVersion()))
  group.getPoliciesMap().forEach((one: common.ConfigPolicy, name: string) => add('policy', name, one.getVersion()))
  group
    .getGroupsMap()
    .forEach((one: common.ConfigGroup, name: string) => lines.push(...outline(one, `${path}/${name}`)))
  return lines
}

const update = (now: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>) => {
  const computed = computeUpdate('health', configuration(now), configuration(wanted))
  return computed === undefined
    ? undefined
    : { read: outline(computed.getReadSet()), write: outline(computed.getWriteSet()) }
}

test('the same configuration is no change', () => {
  assert.equal(update({ A: 'a', B: 'b' }, { A: 'a', B: 'b' }), undefined)
})

test('a value that changes is written with the next version, and nothing else is named', () => {
  assert.deepEqual(update({ A: 'a', B: 'b' }, { A: 'a', B: 'other' }), {
    read: ['/ 1', '/Application/ 7', '/Application/B/ 3'],
    write: ['/ 1', '/Application/ 7', '/Application/B/ 3', '/Application/B/value:MSP 6'],
  })
})

test('a group with a new member names all of them; the new one begins at 0', () => {
  const computed = update({ A: 'a' }, { A: 'a', C: 'c' })
  assert.deepEqual(computed?.read, ['/ 1', '/Application/ 7', '/Application/A/ 3'])
  assert.deepEqual(computed?.write.toSorted(), [
    '/ 1',
    '/Application/ 8',
    '/Application/A/ 3',
    '/Application/C/ 0',
    '/Application/C/policy:Admins 0',
    '/Application/C/value:MSP 0',
  ])
})

test('a group that loses a member names those that stay', () => {
  assert.deepEqual(update({ A: 'a', B: 'b' }, { A: 'a' }), {
    read: ['/ 1', '/Application/ 7', '/Application/A/ 3'],
    write: ['/ 1', '/Application/ 8', '/Application/A/ 3'],
  })
})

test('each administrator signs its own header and the update', async () => {
  const { organizations } = await createConsortium()
  const computed = computeUpdate('health', configuration({ A: 'a' }), configuration({ A: 'b' }))
  assert.ok(computed !== undefined)
  const admins = organizations.map(({ admin }) => admin)
  const envelope = common.Envelope.deserializeBinary(signUpdate(crypto, 'health', computed, admins))
  const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8())
  const signed = common.ConfigUpdateEnvelope.deserializeBinary(payload.getData_asU8())
  const signatures = signed.getSignaturesList()
  assert.equal(signatures.length, admins.length)
  for (const [i, one] of signatures.entries()) {
    const message = Buffer.concat([one.getSignatureHeader_asU8(), signed.getConfigUpdate_asU8()])
    const key = crypto.importVerifyingKey(admins[i]?.signingKey.publicKey ?? new Uint8Array(0))
    assert.ok(crypto.verify(key, message, signatureFromDer(one.getSignature_asU8())))
  }
})
