/**
 * What a client must know to reach a Fabric network: names and addresses. JSON, one file (`connection.json`) that
 * `ledger/network` writes, or that an operator writes for a network that was there before. Nothing in it is secret, and
 * nothing in it makes an answer trusted: that is for the channel configuration that a reader was given.
 *
 * @module
 */
import { channelShape, LedgerError } from '../../../../shared/ledger-model/src/index.ts'
import {
  list,
  type MspId,
  mspIdShape,
  optional,
  parseJson,
  ProtocolError,
  struct,
  text,
} from '../../../../shared/protocol/src/index.ts'

const MAX_PROFILE_BYTES = 1_048_576
const MAX_NODES = 256

/** How the place of a Fabric network begins, where configurations name a ledger; the path of its profile follows. */
export const FABRIC_PREFIX = 'fabric:'

/** A peer or orderer as a client reaches it. */
export interface FabricNode {
  readonly mspId: MspId
  /** `host:port`, gRPC over TLS. */
  readonly endpoint: string
  /** Root of the organisation's TLS authority, one PEM or several one after the other. */
  readonly tlsRootPem: string
  /** Name in the node's TLS certificate, where it is not the host of `endpoint`. */
  readonly serverName?: string
}

export interface FabricProfile {
  readonly channel: string
  /** Name of the chaincode on the channel. */
  readonly chaincode: string
  /** At least one; several of one organisation stand in for each other. */
  readonly peers: readonly FabricNode[]
  /** Clients do not talk to orderers; operators' tools do. */
  readonly orderers: readonly FabricNode[]
}

const nodeShape = struct({
  mspId: mspIdShape,
  endpoint: text({ min: 3, max: 262, pattern: /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}$/ }),
  tlsRootPem: text({ min: 1, max: 65_536, pattern: /^-----BEGIN CERTIFICATE-----\n/ }),
  serverName: optional(text({ min: 1, max: 253, pattern: /^[A-Za-z0-9.-]+$/ })),
})

/** A profile in the object form of JSON. */
export const fabricProfileShape = struct({
  channel: channelShape,
  chaincode: text({ min: 1, max: 64, pattern: /^[a-zA-Z0-9]+(?:[-_][a-zA-Z0-9]+)*$/ }),
  peers: list(nodeShape, { min: 1, max: MAX_NODES }),
  orderers: list(nodeShape, { max: MAX_NODES }),
})

/**
 * Reads a profile from the text of its file.
 * @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` for any other form.
 */
export function parseFabricProfile(profile: string): FabricProfile {
  try {
    return fabricProfileShape(parseJson(profile, { maxBytes: MAX_PROFILE_BYTES }), 'profile')
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw new LedgerError('LEDGER_CONFIGURATION_REJECTED', 'not a profile of a Fabric network', { cause })
  }
}

export function formatFabricProfile(profile: FabricProfile): string {
  return `${JSON.stringify(profile, null, 2)}\n`
}

/** The place of the network with this `connection.json`. @param path absolute */
export function fabricLocation(path: string): string {
  return FABRIC_PREFIX + path
}
