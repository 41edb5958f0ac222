/**
 * Configuration of a channel: its organisations with their roots, the ledger nodes that may sign blocks and answers,
 * and the quorum of endorsed reads. Block 0 holds the first one; later ones are accepted when admins of a majority of
 * the organisations, and every organisation that joins, signed them. Spec: docs/protocol/07-ledger.md §7.4.
 *
 * @module
 */
import { concat, type Crypto, equalBytes, label, parseCertificate, type SigningKey } from '../../crypto/src/index.ts'
import {
  bytes,
  encodeCbor,
  list,
  literal,
  type MspId,
  mspIdShape,
  optional,
  struct,
  text,
  uint,
} from '../../protocol/src/index.ts'
import { decodeAs, refuseAs } from './decode.ts'
import type { EndorsementTrust, LedgerNodeKey } from './endorsed-read.ts'
import { LedgerError } from './errors.ts'
import { MAX_ORGANIZATIONS } from './limits.ts'
import { checkMember, type Organization, roleOf } from './member.ts'
import { certificateShape, channelShape } from './proposal.ts'

const MAX_CONFIGURATION_BYTES = 1_048_576
const MAX_NODES = 64
const CONFIGURATION = label('configuration')

export interface LedgerNode {
  readonly mspId: MspId
  /** 65 bytes. */
  readonly publicKey: Uint8Array
}

export interface ChannelConfiguration {
  readonly channel: string
  /** 0 in block 0, then one more each time. */
  readonly sequence: number
  readonly organizations: readonly Organization[]
  /** None if the channel is Fabric's. */
  readonly nodes: readonly LedgerNode[]
  /** Organisations that must agree in an endorsed read. */
  readonly quorum: number
  /** The channel is one of Fabric: peers answer, and it has a configuration of its own for everything else. */
  readonly fabric?: FabricChannel
}

export interface FabricChannel {
  /** Name of the chaincode on the channel. */
  readonly chaincode: string
}

export interface ConfigurationSignature {
  readonly mspId: MspId
  readonly cert: Uint8Array
  readonly signature: Uint8Array
}

/** A proposed configuration with the signatures under it; none under the first one. */
export interface ConfigurationUpdate {
  readonly configuration: Uint8Array
  readonly signatures: readonly ConfigurationSignature[]
}

export const fabricChannelShape = struct({
  chaincode: text({ min: 1, max: 64, pattern: /^[a-zA-Z0-9]+(?:[-_][a-zA-Z0-9]+)*$/ }),
})

const configurationShape = struct({
  v: literal(1),
  channel: channelShape,
  sequence: uint(),
  organizations: list(struct({ mspId: mspIdShape, roots: list(certificateShape, { min: 1, max: 8 }) }), {
    min: 1,
    max: MAX_ORGANIZATIONS,
  }),
  nodes: list(struct({ mspId: mspIdShape, publicKey: bytes({ length: 65 }) }), { max: MAX_NODES }),
  quorum: uint({ min: 1, max: MAX_ORGANIZATIONS }),
  fabric: optional(fabricChannelShape),
})

const updateShape = struct({
  configuration: bytes({ min: 1, max: MAX_CONFIGURATION_BYTES }),
  signatures: list(struct({ mspId: mspIdShape, cert: certificateShape, signature: bytes({ length: 64 }) }), {
    max: MAX_ORGANIZATIONS,
  }),
})

/** More than half of the organisations that run a node or peer: the quorum unless a configuration says otherwise. */
export function majorityQuorum(nodes: readonly Pick<LedgerNode, 'mspId'>[]): number {
  return Math.floor(new Set(nodes.map((node) => node.mspId)).size / 2) + 1
}

export function encodeConfiguration(configuration: ChannelConfiguration): Uint8Array {
  const { channel, sequence, organizations, nodes, quorum, fabric } = configuration
  return encodeCbor({
    v: 1,
    channel,
    sequence,
    organizations: organizations.map(({ mspId, roots }) => ({ mspId, roots })),
    nodes: nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey })),
    quorum,
    ...(fabric === undefined ? {} : { fabric: { chaincode: fabric.chaincode } }),
  })
}

/**
 * @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` for another form, an organisation twice, a root that is no CA
 * certificate, a node of no organisation or with a key twice or off the curve, a quorum that cannot be reached, nodes of a
 * channel of Fabric.
 */
export function decodeConfiguration(crypto: Crypto, encoded: Uint8Array): ChannelConfiguration {
  const limit = MAX_CONFIGURATION_BYTES
  const shape = configurationShape
  const { v: _, ...configuration } = decodeAs('LEDGER_CONFIGURATION_REJECTED', encoded, shape, 'configuration', limit)
  const { organizations, nodes, quorum, fabric } = configuration
  const members = new Set(organizations.map((organization) => organization.mspId))
  if (members.size !== organizations.length) throw rejected('an organisation stands in it twice')
  for (const root of organizations.flatMap((organization) => organization.roots)) {
    if (!refuseAs('LEDGER_CONFIGURATION_REJECTED', () => parseCertificate(root)).isCa) throw rejected('a root is no CA')
  }
  for (const [i, node] of nodes.entries()) {
    if (!members.has(node.mspId)) throw rejected('a node is of no organisation')
    if (nodes.slice(0, i).some((other) => equalBytes(other.publicKey, node.publicKey)))
      throw rejected('a node key twice')
    refuseAs('LEDGER_CONFIGURATION_REJECTED', () => crypto.importVerifyingKey(node.publicKey))
  }
  if (fabric !== undefined && nodes.length > 0) throw rejected('a channel of Fabric has no nodes of ours')
  const voters = fabric === undefined ? new Set(nodes.map((node) => node.mspId)) : members
  if (quorum > voters.size) throw rejected('too few organisations for the quorum')
  return configuration
}

/** Whom a reader of this channel believes. */
export function endorsementTrustOf(crypto: Crypto, configuration: ChannelConfiguration): EndorsementTrust {
  const { channel, quorum, organizations, fabric } = configuration
  if (fabric === undefined) return { channel, quorum, nodes: nodeKeysOf(crypto, configuration) }
  return { channel, quorum, fabric: { chaincode: fabric.chaincode, organizations } }
}

/** The nodes' keys in the form in which endorsed reads and blocks are verified. */
export function nodeKeysOf(crypto: Crypto, configuration: ChannelConfiguration): LedgerNodeKey[] {
  return configuration.nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: crypto.importVerifyingKey(publicKey) }))
}

export function encodeConfigurationUpdate(update: ConfigurationUpdate): Uint8Array {
  return encodeCbor({
    configuration: update.configuration,
    signatures: update.signatures.map(({ mspId, cert, signature }) => ({ mspId, cert, signature })),
  })
}

/** @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` */
export function decodeConfigurationUpdate(encoded: Uint8Array): ConfigurationUpdate {
  const limit = 2 * MAX_CONFIGURATION_BYTES
  return decodeAs('LEDGER_CONFIGURATION_REJECTED', encoded, updateShape, 'configuration update', limit)
}

/** What an admin signs to accept a configuration. */
export function configurationSigningInput(encoded: Uint8Array): Uint8Array {
  return concat(CONFIGURATION, encoded)
}

/** One admin's signature under an encoded configuration. */
export function signConfiguration(
  crypto: Crypto,
  admin: { readonly mspId: MspId; readonly cert: Uint8Array; readonly signingKey: SigningKey },
  encoded: Uint8Array,
): ConfigurationSignature {
  const signature = crypto.sign(admin.signingKey, configurationSigningInput(encoded))
  return { mspId: admin.mspId, cert: admin.cert, signature }
}

/**
 * Checks an update against the configuration in force and returns the next one. On Fabric no block holds it: readers that
 * keep a configuration take the update as it is.
 *
 * @param atMs time of the block that holds it; on Fabric the ledger's time.
 * @param isRevoked whether an organisation has revoked a certificate of its own on the ledger.
 * @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED`; every signature given must be good, not only enough of them.
 */
export function checkConfigurationUpdate(
  crypto: Crypto,
  current: ChannelConfiguration,
  update: ConfigurationUpdate,
  atMs: number,
  isRevoked: (mspId: MspId, serialHex: string) => boolean,
): ChannelConfiguration {
  const next = decodeConfiguration(crypto, update.configuration)
  checkSameLedger(current, next)
  if (next.channel !== current.channel || next.sequence !== current.sequence + 1) {
    throw rejected('not the next configuration of this channel')
  }
  const before = new Set(current.organizations.map((organization) => organization.mspId))
  const joining = next.organizations.map(({ mspId }) => mspId).filter((mspId) => !before.has(mspId))
  const input = configurationSigningInput(update.configuration)
  const signed = new Set<MspId>()
  for (const { mspId, cert, signature } of update.signatures) {
    // Members sign with certificates of the roots in force, those who join with the roots they bring.
    const trusted = before.has(mspId) ? current : next
    const admin = refuseAsRejected(() => checkMember(crypto, trusted.organizations, mspId, cert, atMs))
    if (roleOf(admin.certificate) !== 'admin') throw rejected('signed by someone who is no admin')
    if (isRevoked(mspId, admin.certificate.serialHex)) throw rejected('signed with a revoked certificate')
    if (!crypto.verify(admin.key, input, signature)) throw rejected('a signature does not verify')
    signed.add(mspId)
  }
  const majority = Math.floor(before.size / 2) + 1
  if ([...signed].filter((mspId) => before.has(mspId)).length < majority) throw rejected('no majority signed')
  if (!joining.every((mspId) => signed.has(mspId))) throw rejected('an organisation that joins did not sign')
  return next
}

/**
 * A channel stays on the ledger that it is on. On Fabric nobody may agree on less than a majority of the organisations:
 * that is what the channel demands of a transaction.
 */
function checkSameLedger(current: ChannelConfiguration, next: ChannelConfiguration): void {
  if (next.fabric?.chaincode !== current.fabric?.chaincode) throw rejected('of another ledger')
  if (next.fabric !== undefined && next.quorum * 2 <= next.organizations.length) throw rejected('no majority as quorum')
}

/** Channels of Fabric have their blocks there. @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` */
export function checkEmbedded({ fabric }: ChannelConfiguration): void {
  if (fabric !== undefined) throw rejected('of a channel of Fabric')
}

function refuseAsRejected<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof LedgerError) throw new LedgerError('LEDGER_CONFIGURATION_REJECTED', error.message)
    throw error
  }
}

function rejected(what: string): LedgerError {
  return new LedgerError('LEDGER_CONFIGURATION_REJECTED', `configuration: ${what}`)
}
