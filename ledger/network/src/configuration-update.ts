/**
 * Changes of a channel's configuration: from the configuration as it is and as it should be to what Fabric wants signed,
 * a read set and a write set with versions. The same rules as `configtxlator compute_update`.
 *
 * @see internal/configtxlator/update/update.go of Hyperledger Fabric
 * @module
 */
import { randomBytes } from 'node:crypto'
import { common } from '@hyperledger/fabric-protos'
import { type Crypto, equalBytes, type SigningKey } from '../../../shared/crypto/src/index.ts'
import { serializeIdentity } from '../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import { signForFabric, toFabricSignature } from '../../client/src/fabric/signatures.ts'

/** Who signs a change for an organisation. */
export interface Administrator {
  readonly mspId: MspId
  /** DER. */
  readonly cert: Uint8Array
  readonly signingKey: SigningKey
}

const NONCE_BYTES = 24

/** Undefined if there is nothing to change. */
export function computeUpdate(
  channel: string,
  now: common.Config,
  wanted: common.Config,
): common.ConfigUpdate | undefined {
  const [before, after] = [now.getChannelGroup(), wanted.getChannelGroup()]
  if (before === undefined || after === undefined) throw new TypeError('a configuration has a group')
  const { readSet, writeSet, isChanged } = groupUpdate(before, after)
  if (!isChanged) return undefined
  const update = new common.ConfigUpdate()
  update.setChannelId(channel)
  update.setReadSet(readSet)
  update.setWriteSet(writeSet)
  return update
}

/** An envelope as `peer channel update` takes it; that one adds its own administrator's signature. */
export function signUpdate(
  crypto: Crypto,
  channel: string,
  update: common.ConfigUpdate,
  administrators: readonly Administrator[],
): Uint8Array {
  const bytes = update.serializeBinary()
  const signed = new common.ConfigUpdateEnvelope()
  signed.setConfigUpdate(bytes)
  for (const administrator of administrators) signed.addSignatures(signatureOf(crypto, bytes, administrator))
  const channelHeader = new common.ChannelHeader()
  channelHeader.setType(common.HeaderType.CONFIG_UPDATE)
  channelHeader.setChannelId(channel)
  const header = new common.Header()
  header.setChannelHeader(channelHeader.serializeBinary())
  const payload = new common.Payload()
  payload.setHeader(header)
  payload.setData(signed.serializeBinary())
  const envelope = new common.Envelope()
  envelope.setPayload(payload.serializeBinary())
  return envelope.serializeBinary()
}

function signatureOf(
  crypto: Crypto,
  update: Uint8Array,
  { mspId, cert, signingKey }: Administrator,
): common.ConfigSignature {
  const header = new common.SignatureHeader()
  header.setCreator(serializeIdentity(mspId, cert))
  header.setNonce(randomBytes(NONCE_BYTES))
  const headerBytes = header.serializeBinary()
  const message = Buffer.concat([headerBytes, update])
  const signature = new common.ConfigSignature()
  signature.setSignatureHeader(headerBytes)
  signature.setSignature(toFabricSignature(signForFabric(crypto, signingKey, message)))
  return signature
}

interface GroupUpdate {
  readonly readSet: common.ConfigGroup
  readonly writeSet: common.ConfigGroup
  readonly isChanged: boolean
}

/** A group whose members stay names what changes in it; one that gains or loses members names all of them. */
function groupUpdate(before: common.ConfigGroup, after: common.ConfigGroup): GroupUpdate {
  const values = membersUpdate(before.getValuesMap(), after.getValuesMap(), valueUpdate)
  const policies = membersUpdate(before.getPoliciesMap(), after.getPoliciesMap(), policyUpdate)
  const groups = membersUpdate(before.getGroupsMap(), after.getGroupsMap(), subgroupUpdate)
  const version = before.getVersion()
  const isOther =
    before.getModPolicy() !== after.getModPolicy() || values.areOther || policies.areOther || groups.areOther
  const build = (side: 'read' | 'write'): common.ConfigGroup => {
    const group = new common.ConfigGroup()
    group.setVersion(isOther && side === 'write' ? version + 1 : version)
    if (isOther && side === 'write') group.setModPolicy(after.getModPolicy())
    const fill = <T>(map: ProtoMap<T>, update: MembersUpdate<T>) => {
      for (const [name, one] of [...update[side], ...(isOther ? update.same : [])]) map.set(name, one)
    }
    fill(group.getValuesMap(), values)
    fill(group.getPoliciesMap(), policies)
    fill(group.getGroupsMap(), groups)
    return group
  }
  const isChanged = isOther || values.write.length + policies.write.length + groups.write.length > 0
  return { readSet: build('read'), writeSet: build('write'), isChanged }
}

type ProtoMap<T> = {
  get(name: string): T | undefined
  set(name: string, value: T): unknown
  forEach(each: (value: T, name: string) => void): void
}

type Members<T> = readonly (readonly [name: string, member: T])[]

interface MembersUpdate<T> {
  readonly read: Members<T>
  readonly write: Members<T>
  /** Only their versions; named when members came or went. */
  readonly same: Members<T>
  readonly areOther: boolean
}

/** How one member changes; undefined before: it is new. `read` is undefined for what only needs to be written. */
type MemberUpdate<T> = (
  before: T | undefined,
  after: T,
) => { readonly same: T } | { readonly read?: T; readonly write: T }

function membersUpdate<T>(before: ProtoMap<T>, after: ProtoMap<T>, update: MemberUpdate<T>): MembersUpdate<T> {
  const [read, write, same]: [string, T][][] = [[], [], []]
  let areOther = false
  before.forEach((_, name) => {
    if (after.get(name) === undefined) areOther = true
  })
  after.forEach((member, name) => {
    const earlier = before.get(name)
    if (earlier === undefined) areOther = true
    const change = update(earlier, member)
    if ('same' in change) {
      same?.push([name, change.same])
      return
    }
    if (change.read !== undefined) read?.push([name, change.read])
    write?.push([name, change.write])
  })
  return { read: read ?? [], write: write ?? [], same: same ?? [], areOther }
}

function valueUpdate(before: common.ConfigValue | undefined, after: common.ConfigValue) {
  const value = new common.ConfigValue()
  const isSame =
    before !== undefined &&
    before.getModPolicy() === after.getModPolicy() &&
    equalBytes(before.getValue_asU8(), after.getValue_asU8())
  if (isSame) {
    value.setVersion(before.getVersion())
    return { same: value }
  }
  value.setVersion(before === undefined ? 0 : before.getVersion() + 1)
  value.setModPolicy(after.getModPolicy())
  value.setValue(after.getValue_asU8())
  return { write: value }
}

function policyUpdate(before: common.ConfigPolicy | undefined, after: common.ConfigPolicy) {
  const policy = new common.ConfigPolicy()
  const bytesOf = (one: common.ConfigPolicy) => one.getPolicy()?.serializeBinary() ?? new Uint8Array(0)
  const isSame =
    before !== undefined &&
    before.getModPolicy() === after.getModPolicy() &&
    equalBytes(bytesOf(before), bytesOf(after))
  if (isSame) {
    policy.setVersion(before.getVersion())
    return { same: policy }
  }
  policy.setVersion(before === undefined ? 0 : before.getVersion() + 1)
  policy.setModPolicy(after.getModPolicy())
  policy.setPolicy(after.getPolicy())
  return { write: policy }
}

function subgroupUpdate(before: common.ConfigGroup | undefined, after: common.ConfigGroup) {
  const { readSet, writeSet, isChanged } = groupUpdate(before ?? new common.ConfigGroup(), after)
  if (before !== undefined) return isChanged ? { read: readSet, write: writeSet } : { same: readSet }
  // All of it is new, so all of it has version 0.
  writeSet.setVersion(0)
  writeSet.setModPolicy(after.getModPolicy())
  return { write: writeSet }
}
