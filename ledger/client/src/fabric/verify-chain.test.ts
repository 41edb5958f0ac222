/** Configurations in a chain: blocks with good signatures of an orderer, and members as each test has them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { common, msp, peer } from '@hyperledger/fabric-protos'
import { concat, encodePem, encodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import type { Organization } from '../../../../shared/ledger-model/src/index.ts'
import { createConsortium, createOrganization, type TestOrganization } from '../../../../testkit/src/consortium.ts'
import { InsecureFabricPeer } from '../../../../testkit/src/fabric-peer.ts'
import type { LedgerBlock } from '../port.ts'
import { fabricBlockHash, fabricHeaderBytes } from './envelopes.ts'
import { signForFabric, toFabricSignature } from './signatures.ts'
import { verifyFabricChain, type VerifyFabricOptions } from './verify-chain.ts'

const crypto = createNodeCrypto()
const channel = 'health'
const [a, b] = (await createConsortium()).organizations as [TestOrganization, TestOrganization]
const c = await createOrganization('HospitalC')
const ordering = await createOrganization('OrdererMSP')
const orderer = await InsecureFabricPeer.create(crypto, ordering.authority, { role: 'orderer', ref: 'orderer1' })

const rootsOf = ({ mspId, authority }: TestOrganization): Organization => ({ mspId, roots: [authority.root] })
const [A, B, C] = [a, b, c].map(rootsOf) as [Organization, Organization, Organization]
const invalidAt = (block: number) => ({ name: 'LedgerError', code: 'LEDGER_BLOCK_INVALID', block })

function groupOf(members: readonly Organization[]): common.ConfigGroup {
  const group = new common.ConfigGroup()
  for (const { mspId, roots } of members) {
    const definition = new msp.FabricMSPConfig()
    definition.setName(mspId)
    definition.setRootCertsList(roots.map((root) => encodeUtf8(encodePem('CERTIFICATE', root))))
    const config = new msp.MSPConfig()
    config.setConfig(definition.serializeBinary())
    const value = new common.ConfigValue()
    value.setValue(config.serializeBinary())
    const organization = new common.ConfigGroup()
    organization.getValuesMap().set('MSP', value)
    group.getGroupsMap().set(mspId, organization)
  }
  return group
}

function configurationOf(members: readonly Organization[]): Uint8Array {
  const channelHeader = new common.ChannelHeader()
  channelHeader.setType(common.HeaderType.CONFIG)
  channelHeader.setChannelId(channel)
  const header = new common.Header()
  header.setChannelHeader(channelHeader.serializeBinary())
  const groups = new common.ConfigGroup()
  groups.getGroupsMap().set('Application', groupOf(members))
  groups.getGroupsMap().set('Orderer', groupOf([rootsOf(ordering)]))
  const config = new common.Config()
  config.setChannelGroup(groups)
  const envelope = new common.ConfigEnvelope()
  envelope.setConfig(config)
  const payload = new common.Payload()
  payload.setHeader(header)
  payload.setData(envelope.serializeBinary())
  const signed = new common.Envelope()
  signed.setPayload(payload.serializeBinary())
  return signed.serializeBinary()
}

/** One block for each configuration. */
function chainOf(...configurations: readonly (readonly Organization[])[]): Uint8Array[] {
  let previous: Uint8Array = new Uint8Array(0)
  return configurations.map((members, number) => {
    const data = configurationOf(members)
    const header = new common.BlockHeader()
    header.setNumber(number)
    header.setPreviousHash(previous)
    header.setDataHash(crypto.sha256(data))
    previous = fabricBlockHash(header)
    const signatureHeader = new common.SignatureHeader()
    signatureHeader.setCreator(orderer.identity)
    const signature = new common.MetadataSignature()
    signature.setSignatureHeader(signatureHeader.serializeBinary())
    const message = concat(signatureHeader.serializeBinary(), fabricHeaderBytes(header))
    signature.setSignature(toFabricSignature(signForFabric(crypto, orderer.key, message)))
    const signatures = new common.Metadata()
    signatures.setSignaturesList([signature])
    const metadata = new common.BlockMetadata()
    const valid = Uint8Array.of(peer.TxValidationCode.VALID)
    metadata.setMetadataList([signatures.serializeBinary(), new Uint8Array(0), valid])
    const contents = new common.BlockData()
    contents.setDataList([data])
    const block = new common.Block()
    block.setHeader(header)
    block.setData(contents)
    block.setMetadata(metadata)
    return block.serializeBinary()
  })
}

function verify(
  blocks: readonly Uint8Array[],
  organizations: readonly Organization[],
  more: Partial<VerifyFabricOptions> = {},
) {
  async function* deliver(): AsyncGenerator<LedgerBlock> {
    for (const [number, encoded] of blocks.entries()) yield await Promise.resolve({ number, encoded } as LedgerBlock)
  }
  const trust = { chaincode: 'trusthealth', organizations }
  return verifyFabricChain({ blocks: deliver }, { crypto, channel, trust, height: blocks.length - 1, ...more })
}

test('an organisation that the reader knows joins in a later block', async () => {
  const chain = chainOf([A, B], [A, B], [A, B, C])
  const report = await verify(chain, [A, B, C], { firstMembers: [A, B] })
  assert.deepEqual([report.blocks, report.ordererSignatures], [3, 2])
  // A reader of before, to the block before.
  assert.equal((await verify(chain.slice(0, 2), [A, B])).blocks, 2)
})

test('refused: who joins without the reader knowing, or with roots that the reader does not know', async () => {
  await assert.rejects(verify(chainOf([A, B], [A, B, C]), [A, B]), invalidAt(1))
  const other = { ...C, roots: A.roots }
  await assert.rejects(verify(chainOf([A, B], [A, B, other]), [A, B, C], { firstMembers: [A, B] }), invalidAt(1))
  const two = { ...C, roots: [...C.roots, ...A.roots] }
  await assert.rejects(verify(chainOf([A, B], [A, B, two]), [A, B, C], { firstMembers: [A, B] }), invalidAt(1))
})

test('refused: a member that leaves, changes its roots, or is not in the first block', async () => {
  await assert.rejects(verify(chainOf([A, B], [A]), [A, B]), invalidAt(1))
  await assert.rejects(verify(chainOf([A, B], [A, { ...B, roots: C.roots }]), [A, B]), invalidAt(1))
  await assert.rejects(verify(chainOf([A], [A, B]), [A, B]), invalidAt(0))
  await assert.rejects(verify(chainOf([A, B, C]), [A, B, C], { firstMembers: [A, B] }), invalidAt(0))
})
