/**
 * Builds the trusted application; at the first start provisions, certifies and registers it. What comes out is the
 * configuration of the record server's program.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Organization } from '../../hospital/src/index.ts'
import { openLedger, submitCall } from '../../ledger/client/src/index.ts'
import { encodeConfiguration } from '../../secure/core/src/index.ts'
import { encodeBase64url, encodeHex, type Crypto } from '../../shared/crypto/src/index.ts'
import { logOriginOf, type ChannelConfiguration } from '../../shared/ledger-model/src/index.ts'
import type { ServerRef } from '../../shared/protocol/src/index.ts'
import { sqlCipherPackage, startProcessTee } from '../../tee/process/src/index.ts'
import type { TeeDriver } from '../../tee/src/driver.ts'
import { buildApplication } from '../../tools/bundle-ta.ts'

export interface RecordServerParts {
  readonly folder: string
  readonly channel: string
  readonly organization: Organization
  readonly genesis: ChannelConfiguration
  readonly serverRef: ServerRef
  readonly ledgerUrl: string
  readonly port: number
}

export async function setUpRecordServer(crypto: Crypto, parts: RecordServerParts, isFirst: boolean): Promise<object> {
  const { folder, organization, channel, ledgerUrl } = parts
  const { mspId, admin } = organization
  const taPath = join(folder, 'trusted-application.mjs')
  let measurement: string
  if (isFirst) {
    const built = await buildApplication(folder)
    measurement = built.measurement
    const tee = await startProcessTee({
      taPath,
      hostPath: built.hostPath,
      expectedMeasurement: measurement,
      storeFolder: folder,
      nativePackages: [sqlCipherPackage()],
    })
    try {
      await provision(crypto, parts, tee, measurement)
    } finally {
      await tee.close()
    }
  } else measurement = createHash('sha256').update(readFileSync(taPath)).digest('hex')
  return {
    v: 1,
    port: parts.port,
    taPath,
    measurement,
    storeFolder: folder,
    indexPath: join(folder, 'index.db'),
    ledgerUrl,
    channel,
    reader: {
      mspId,
      certificate: encodeBase64url(admin.cert),
      signingKey: encodeBase64url(crypto.exportSigningKey(admin.signingKey)),
    },
  }
}

async function provision(
  crypto: Crypto,
  { organization, genesis, serverRef, channel, ledgerUrl }: RecordServerParts,
  tee: TeeDriver,
  measurement: string,
): Promise<void> {
  const { authority, admin } = organization
  const config = encodeConfiguration({
    channel,
    serverRef,
    organizations: genesis.organizations,
    ledgerNodes: genesis.nodes,
    ...(genesis.fabric === undefined ? {} : { fabric: { chaincode: genesis.fabric.chaincode } }),
    quorum: genesis.quorum,
    logOrigin: logOriginOf(serverRef),
    allow: { policyCacheMs: 0 },
  })
  const { identityKey, configDigest, attestationKey } = await tee.request('provision', { config })
  const { chain, serialHex } = await authority.issue({ role: 'server', ref: serverRef, publicKey: identityKey })
  const registration = {
    ref: serverRef,
    kind: 'server',
    publicKey: encodeBase64url(identityKey),
    certSerial: serialHex,
    attributes: {},
    server: {
      certificate: encodeBase64url(chain[0]),
      teeKind: tee.kind,
      measurements: [measurement],
      configDigest: encodeHex(configDigest),
      attestationKeys: attestationKey === undefined ? [] : [encodeBase64url(attestationKey)],
    },
  }
  const ledger = await openLedger(ledgerUrl, { crypto, channel, identity: admin })
  try {
    await submitCall(ledger, admin, { fn: 'registerParticipant', args: [JSON.stringify(registration)] })
  } finally {
    await ledger.close()
  }
  await tee.request('certificate', { cert: chain[0] })
}
