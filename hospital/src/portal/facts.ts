/**
 * What a browser must know of the consortium before it believes an answer: keys of the ledger's nodes or roots of its
 * organisations, how many must agree, the record server's reference. Public.
 *
 * @module
 */
import { formatFabricTrust } from '../../../ledger/client/src/index.ts'
import { encodeBase64url } from '../../../shared/crypto/src/index.ts'
import type { HospitalRef, MspId } from '../../../shared/protocol/src/index.ts'
import type { HospitalConfiguration } from '../configuration.ts'
import { SENSITIVE_RESULTS } from './sensitive-results.ts'

export interface PortalHospital {
  readonly ref: HospitalRef
  readonly name: string
  readonly mspId: MspId
}

export function portalFacts(configuration: HospitalConfiguration, hospital: PortalHospital): object {
  const { channel, nodes, quorum, fabric, server, allowSimulated, sensitiveResults } = configuration
  return {
    v: 1,
    channel,
    nodes: nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: encodeBase64url(publicKey) })),
    quorum,
    ...(fabric === undefined ? {} : { fabric: formatFabricTrust(fabric) }),
    serverRef: server.ref,
    hospital,
    hospitals: [hospital],
    practice: allowSimulated === true,
    sensitiveResults: sensitiveResults ?? SENSITIVE_RESULTS,
  }
}
