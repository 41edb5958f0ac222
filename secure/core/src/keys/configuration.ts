/**
 * What the trusted application was provisioned with: whom it trusts. Sealed in the store; its digest stands in the
 * evidence and on the ledger. Organisations, nodes and quorum follow the channel's configuration, by updates that the
 * organisations signed. Spec: docs/protocol/02-registration.md §2.5, §2.7.
 *
 * @module
 */
import { concat, label, parseCertificate, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  channelShape,
  checkConfigurationUpdate,
  fabricChannelShape,
  logOriginOf,
  type ConfigurationUpdate,
  type EndorsementTrust,
} from '../../../../shared/ledger-model/src/index.ts'
import {
  bytes,
  decodeMessage,
  encodeCbor,
  list,
  literal,
  mspIdShape,
  optional,
  serverRefShape,
  struct,
  text,
  uint,
  type Infer,
  type MspId,
  type ServerRef,
} from '../../../../shared/protocol/src/index.ts'
import { DEFAULT_EMERGENCY_MS } from '../access/emergencies.ts'
import { TrustedApplicationError } from '../errors.ts'

const CONFIG = label('config')
export const MAX_POLICY_CACHE_MS = 5_000
export const MAX_EMERGENCY_MS = 24 * 60 * 60 * 1000
/** Of a channel (7.8). */
const MAX_ORGANIZATIONS = 64
const MAX_CONFIGURATION_BYTES = 1024 * 1024

const configurationShape = struct({
  v: literal(1),
  channel: channelShape,
  /** Of the channel's configuration with these organisations and nodes; absent: 0. */
  sequence: optional(uint()),
  serverRef: serverRefShape,
  organizations: list(struct({ mspId: mspIdShape, roots: list(bytes({ min: 1, max: 8_192 }), { min: 1, max: 8 }) }), {
    min: 1,
    max: 64,
  }),
  ledgerNodes: list(struct({ mspId: mspIdShape, publicKey: bytes({ length: 65 }) }), { max: 64 }),
  fabric: optional(fabricChannelShape),
  quorum: uint({ min: 1, max: 64 }),
  logOrigin: text({ min: 1, max: 128, pattern: /^[A-Za-z0-9./:_-]+$/ }),
  allow: struct({
    policyCacheMs: uint({ max: MAX_POLICY_CACHE_MS }),
    emergencyMs: optional(uint({ min: 1, max: MAX_EMERGENCY_MS })),
    /** Organisations whose recovery shares it takes at least (12.1). */
    recoveryThreshold: optional(uint({ min: 2, max: MAX_ORGANIZATIONS })),
  }),
})

type Message = Infer<typeof configurationShape>

export interface Configuration {
  /** As provisioned, or as an update left it, for the digest. */
  readonly encoded: Uint8Array
  /** 32 bytes. */
  readonly digest: Uint8Array
  /** As decoded. */
  readonly message: Message
  readonly channel: string
  readonly sequence: number
  readonly serverRef: ServerRef
  readonly organizations: readonly { readonly mspId: MspId; readonly roots: readonly Uint8Array[] }[]
  /** Whose answers count: of ledger nodes, or of Fabric's peers. One kind only. */
  readonly trust: EndorsementTrust
  readonly logOrigin: string
  readonly policyCacheMs: number
  readonly emergencyMs: number
  /** 0: as many as are more than half. */
  readonly recoveryThreshold: number
}

/** The message that provisions; the members are those of §2.5. */
export function encodeConfiguration(configuration: {
  readonly channel: string
  readonly sequence?: number
  readonly serverRef: string
  readonly organizations: readonly { readonly mspId: string; readonly roots: readonly Uint8Array[] }[]
  /** None on Fabric. */
  readonly ledgerNodes: readonly { readonly mspId: string; readonly publicKey: Uint8Array }[]
  readonly fabric?: { readonly chaincode: string }
  readonly quorum: number
  readonly logOrigin: string
  readonly allow: { readonly policyCacheMs: number; readonly emergencyMs?: number; readonly recoveryThreshold?: number }
}): Uint8Array {
  return encodeCbor({ v: 1, ...configuration })
}

/** 32 bytes. */
export function configurationDigest(crypto: Crypto, encoded: Uint8Array): Uint8Array {
  return crypto.sha256(CONFIG, encoded)
}

/**
 * @throws {ProtocolError} `CBOR_MALFORMED`, `MESSAGE_MALFORMED`; the latter as `TrustedApplicationError` for roots and
 * keys that are none, nodes of no organisation, nodes beside Fabric, and a quorum that cannot be reached.
 */
export function decodeConfiguration(crypto: Crypto, encoded: Uint8Array): Configuration {
  const decoded = decodeMessage(encoded, configurationShape, 'configuration', { maxBytes: MAX_CONFIGURATION_BYTES })
  const { channel, sequence, serverRef, organizations, ledgerNodes, quorum, fabric, logOrigin, allow } = decoded
  const members = new Set<string>(organizations.map(({ mspId }) => mspId))
  const nodes = ledgerNodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: crypto.importVerifyingKey(publicKey) }))
  const voters = fabric === undefined ? new Set<string>(nodes.map(({ mspId }) => mspId)) : members
  const isSound =
    members.size === organizations.length &&
    nodes.every(({ mspId }) => members.has(mspId)) &&
    (fabric === undefined || nodes.length === 0) &&
    quorum <= voters.size &&
    // The ledger takes checkpoints of this name only.
    logOrigin === logOriginOf(serverRef)
  if (!isSound) throw new TrustedApplicationError('MESSAGE_MALFORMED')
  for (const root of organizations.flatMap(({ roots }) => roots)) parseCertificate(root)
  return {
    encoded: concat(encoded),
    digest: configurationDigest(crypto, encoded),
    message: decoded,
    channel,
    sequence: sequence ?? 0,
    serverRef,
    organizations,
    trust: {
      channel,
      quorum,
      ...(fabric === undefined ? { nodes } : { fabric: { chaincode: fabric.chaincode, organizations } }),
    },
    logOrigin,
    policyCacheMs: allow.policyCacheMs,
    emergencyMs: allow.emergencyMs ?? DEFAULT_EMERGENCY_MS,
    recoveryThreshold: allow.recoveryThreshold ?? 0,
  }
}

/**
 * The configuration after an update of the channel's: other organisations, nodes and quorum, the rest as it was.
 *
 * @param isRevoked whether an organisation has revoked a certificate of its own on the ledger.
 * @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` for everything that `checkConfigurationUpdate` refuses.
 */
export function updatedConfiguration(
  crypto: Crypto,
  current: Configuration,
  update: ConfigurationUpdate,
  atMs: number,
  isRevoked: (mspId: MspId, serialHex: string) => boolean,
): Configuration {
  const { channel, sequence, message } = current
  const { organizations, ledgerNodes, quorum, fabric } = message
  const kind = fabric === undefined ? {} : { fabric }
  const inForce = { channel, sequence, organizations, nodes: ledgerNodes, quorum, ...kind }
  const next = checkConfigurationUpdate(crypto, inForce, update, atMs, isRevoked)
  const encoded = encodeCbor({
    ...message,
    sequence: next.sequence,
    organizations: next.organizations.map(({ mspId, roots }) => ({ mspId, roots })),
    ledgerNodes: next.nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey })),
    quorum: next.quorum,
  })
  return decodeConfiguration(crypto, encoded)
}
