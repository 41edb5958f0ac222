/**
 * What lies in the folder of a network before anything runs: authorities, identities, TLS certificates, configuration.
 * Written again at every start, except keys, and certificates that are still good.
 *
 * @module
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  openCertificateAuthority,
} from '../../../hospital/src/certificate-authority.ts'
import { decodePem, encodePem } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { Binaries } from './binaries.ts'
import { BUILDER_SCRIPTS, type ChaincodePackage, packageChaincode } from './chaincode-package.ts'
import { channelConfiguration } from './channel-configuration.ts'
import { NetworkError } from './errors.ts'
import { type FolderPaths, nodePaths, writeOwnFile } from './folder.ts'
import { ensureIdentity, type MspDefinition, writeMspDefinition } from './msp.ts'
import { ordererConfiguration, peerConfiguration } from './node-configuration.ts'
import type { NetworkOrganization } from './options.ts'
import { hostOf, LOOPBACK, ORDERER_MSP, type OrganizationPlan, peersOf, type Plan } from './plan.ts'
import { openTlsAuthority, type TlsAuthority } from './tls-authority.ts'

const crypto = createNodeCrypto()

/** An organisation as it is set up. */
export interface Member {
  readonly plan: OrganizationPlan
  readonly tlsRootPem: string
  /** Where its chaincode process is and how its peer comes to it. */
  readonly chaincode: ChaincodePackage
}

export interface Setup {
  readonly members: readonly Member[]
  readonly ordererTlsRootPem: string
}

/** @throws {NetworkError} `NETWORK_OPTIONS_REJECTED` if an organisation has another root than before. */
export async function writeSetup(
  plan: Plan,
  paths: FolderPaths,
  organizations: readonly NetworkOrganization[],
  binaries: Binaries,
): Promise<Setup> {
  for (const [name, script] of Object.entries(BUILDER_SCRIPTS)) {
    writeOwnFile(join(paths.builder, 'bin', name), script, 0o700)
  }
  const ordererTlsRootPem = await writeOrderers(plan, paths, binaries)
  const members: Member[] = []
  for (const organization of plan.organizations) {
    const given = organizations.find(({ mspId }) => mspId === organization.mspId)
    if (given === undefined) throw new NetworkError('NETWORK_OPTIONS_REJECTED', 'an organisation is missing')
    members.push(await writeMember(organization, paths, given.authority, binaries))
  }
  writeOwnFile(join(paths.channel, 'configtx.yaml'), channelConfiguration(plan, paths))
  return { members, ordererTlsRootPem }
}

async function writeOrderers(plan: Plan, paths: FolderPaths, { sampleOrderer }: Binaries): Promise<string> {
  const folder = paths.organization(ORDERER_MSP)
  const authority = await openOrdererAuthority(folder)
  const { tls, msp } = await writeOrganization(folder, authority)
  for (const orderer of plan.orderers) {
    const node = nodePaths(paths.node(orderer.name))
    await writeNode(node.folder, 'orderer', orderer.name, authority, msp, tls, hostOf(orderer))
    writeOwnFile(join(node.folder, 'orderer.yaml'), ordererConfiguration(sampleOrderer, orderer, node))
  }
  return msp.tlsRootPem
}

/** Files of an organisation, of its peer and its chaincode process. */
export async function writeMember(
  plan: OrganizationPlan,
  paths: FolderPaths,
  authority: CertificateAuthority,
  { samplePeer }: Binaries,
): Promise<Member> {
  const folder = paths.organization(plan.mspId)
  const { tls, msp } = await writeOrganization(folder, authority)
  const peer = nodePaths(paths.node(plan.peer.name))
  for (const one of peersOf(plan)) {
    const node = nodePaths(paths.node(one.name))
    await writeNode(node.folder, 'peer', one.name, authority, msp, tls)
    writeOwnFile(join(node.folder, 'core.yaml'), peerConfiguration(samplePeer, plan, node, paths.builder, one))
  }

  const server = nodePaths(paths.node(plan.chaincode.name))
  await writeTls(server.folder, plan.chaincode.name, tls)
  mkdirSync(server.data, { recursive: true, mode: 0o700 })
  const chaincode = packageChaincode('trusthealth', {
    address: `${LOOPBACK}:${plan.chaincode.port}`,
    rootPem: msp.tlsRootPem,
    clientCertificatePem: readFileSync(peer.tlsCertificate, 'utf8'),
    clientKeyPem: readFileSync(peer.tlsKey, 'utf8'),
  })
  writeOwnFile(join(folder, 'chaincode.tar.gz'), chaincode.contents)
  return { plan, tlsRootPem: msp.tlsRootPem, chaincode }
}

/** Definition and administrator of an organisation. */
async function writeOrganization(folder: string, authority: CertificateAuthority) {
  const tls = await openTlsAuthority(folder, authority.mspId)
  const rootPem = encodePem('CERTIFICATE', authority.root)
  const root = join(folder, 'msp/cacerts/ca.pem')
  if (existsSync(root) && readFileSync(root, 'utf8') !== rootPem) {
    throw new NetworkError('NETWORK_OPTIONS_REJECTED', `the network knows another root of ${authority.mspId}`)
  }
  const msp: MspDefinition = { rootPem, tlsRootPem: tls.rootPem }
  writeMspDefinition(join(folder, 'msp'), msp)
  const admin = join(folder, 'admin')
  writeMspDefinition(join(admin, 'msp'), msp)
  await ensureIdentity(join(admin, 'msp'), authority, { role: 'admin', name: 'admin', nowMs: Date.now() })
  await writeTls(admin, 'admin', tls)
  return { tls, msp }
}

async function writeNode(
  folder: string,
  role: 'peer' | 'orderer',
  name: string,
  authority: CertificateAuthority,
  msp: MspDefinition,
  tls: TlsAuthority,
  host?: string,
): Promise<void> {
  const node = nodePaths(folder)
  mkdirSync(node.data, { recursive: true, mode: 0o700 })
  writeMspDefinition(node.msp, msp)
  await ensureIdentity(node.msp, authority, { role, name, nowMs: Date.now() })
  await writeTls(folder, name, tls, host)
}

async function writeTls(folder: string, name: string, tls: TlsAuthority, host?: string): Promise<void> {
  const node = nodePaths(folder)
  if (existsSync(node.tlsCertificate)) return
  const { certificatePem, keyPem } = await tls.issue(name, host)
  writeOwnFile(node.tlsRoot, tls.rootPem)
  writeOwnFile(node.tlsKey, keyPem)
  // Last: with it the three are whole.
  writeOwnFile(node.tlsCertificate, certificatePem)
}

/** The orderers' organisation belongs to nobody else, so its authority is made and kept here. */
async function openOrdererAuthority(folder: string): Promise<CertificateAuthority> {
  const options = { crypto, mspId: ORDERER_MSP, nowMs: Date.now }
  const paths = { root: join(folder, 'root.pem'), key: join(folder, 'root.key') }
  if (!existsSync(paths.key)) {
    const authority = await createCertificateAuthority(options)
    writeOwnFile(paths.root, encodePem('CERTIFICATE', authority.root))
    writeOwnFile(paths.key, crypto.exportSigningKey(authority.signingKey))
    return authority
  }
  const [root = new Uint8Array()] = decodePem('CERTIFICATE', readFileSync(paths.root, 'utf8'))
  const signingKey = crypto.importSigningKey(new Uint8Array(readFileSync(paths.key)))
  return openCertificateAuthority({ ...options, signingKey, root })
}
