/**
 * What a configuration block of a Fabric channel says of its members: the organisations that use it and those that order,
 * each with its root certificates.
 *
 * @module
 */
import { common, msp } from '@hyperledger/fabric-protos'
import { decodePem } from '../../../../shared/crypto/src/index.ts'
import type { Organization } from '../../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../../shared/protocol/src/index.ts'
import type { LedgerBlock } from '../port.ts'
import { decodeFabricBlock } from './envelopes.ts'

export interface ChannelMembers {
  readonly channel: string
  readonly application: readonly Organization[]
  readonly orderer: readonly Organization[]
}

/** @param envelope the only one of its block. @throws of the parser, or `CryptoError`, if it is no configuration. */
export function membersOf(envelope: common.Envelope): ChannelMembers {
  const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8())
  const header = common.ChannelHeader.deserializeBinary(
    payload.getHeader()?.getChannelHeader_asU8() ?? new Uint8Array(0),
  )
  const config = common.ConfigEnvelope.deserializeBinary(payload.getData_asU8()).getConfig()
  const groups = config?.getChannelGroup()?.getGroupsMap()
  return {
    channel: header.getChannelId(),
    application: organizationsOf(groups?.get('Application')),
    orderer: organizationsOf(groups?.get('Orderer')),
  }
}

/** How many organisations use the channel; undefined if the block has no configuration. */
export function memberCountOf({ encoded }: LedgerBlock): number | undefined {
  try {
    const [envelope = new Uint8Array(0)] = decodeFabricBlock(encoded).getData()?.getDataList_asU8() ?? []
    return membersOf(common.Envelope.deserializeBinary(envelope)).application.length || undefined
  } catch {
    // What cannot be read says nothing.
    return undefined
  }
}

function organizationsOf(group: common.ConfigGroup | undefined): Organization[] {
  const found: Organization[] = []
  group?.getGroupsMap().forEach((organization: common.ConfigGroup) => {
    const value = organization.getValuesMap().get('MSP')?.getValue_asU8() ?? new Uint8Array(0)
    const config = msp.FabricMSPConfig.deserializeBinary(msp.MSPConfig.deserializeBinary(value).getConfig_asU8())
    const roots = [...config.getRootCertsList_asU8(), ...config.getIntermediateCertsList_asU8()]
    found.push({
      mspId: config.getName() as MspId,
      roots: roots.flatMap((pem) => decodePem('CERTIFICATE', new TextDecoder().decode(pem))),
    })
  })
  return found
}
