/**
 * A Fabric network on this machine, at the terminal. The folder is `--folder`, else `fabric` in $TRUSTHEALTH_STATE, else
 * in `.trusthealth`. Its organisations' own keys are there too, in `keys/`.
 *
 *     npm run fabric:up -- [--organizations HospitalA,HospitalB] [--orderers 3] [--peers 1] [--ordering raft|bft] [--base-port N] [--batch-timeout-ms 50]
 *     npm run fabric:status
 *     npm run fabric:logs -- [NODE] [--lines 40]
 *     npm run fabric:down -- [--remove]
 *     node tools/run.mjs ledger/network/src/main.ts revoke MSPID SERIAL… [--list crl.pem]     on the ledger, and as the organisation's revocation list, all of it
 *     node tools/run.mjs ledger/network/src/main.ts programs     which programs of Fabric are used; builds them, and Fabric CA's for its suite, if there are none
 *
 * @module
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs, stripVTControlCharacters } from 'node:util'
import { openOrganization } from '../../../hospital/src/organization.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { ERROR_TABLE, mspIdShape } from '../../../shared/protocol/src/index.ts'
import { ensureAuthorityPrograms } from './authority-programs.ts'
import { NetworkError } from './errors.ts'
import { ensureBinaries, networkStatus, type NetworkStatus, startNetwork, stopNetwork } from './index.ts'
import type { NetworkOrganization, Ordering } from './options.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string' },
    organizations: { type: 'string' },
    orderers: { type: 'string' },
    peers: { type: 'string' },
    ordering: { type: 'string' },
    'base-port': { type: 'string' },
    'batch-timeout-ms': { type: 'string' },
    remove: { type: 'boolean', default: false },
    lines: { type: 'string', default: '40' },
    list: { type: 'string' },
  },
})
const [command = '', ...rest] = positionals
const folder = resolve(values.folder ?? join(process.env['TRUSTHEALTH_STATE'] ?? '.trusthealth', 'fabric'))

const COMMANDS: Readonly<Record<string, () => Promise<void>>> = { up, down, status, logs, programs, revoke }

async function up(): Promise<void> {
  const network = await startNetwork({
    folder,
    organizations: await openOrganizations(),
    ...orderingOption(),
    ...numberOption('orderers'),
    ...numberOption('peers'),
    ...numberOption('base-port', 'basePort'),
    ...numberOption('batch-timeout-ms', 'batchTimeoutMs'),
    onProgress: say,
  })
  say(`network of ${network.profile.peers.map(({ mspId }) => mspId).join(' and ')}, channel ${network.profile.channel}`)
  say(`for clients: ${join(folder, 'connection.json')}`)
}

async function revoke(): Promise<void> {
  const [mspId, ...serials] = rest
  if (mspId === undefined || !serials.every((serial) => /^[0-9a-f]{1,40}$/.test(serial))) {
    throw new NetworkError(
      'NETWORK_OPTIONS_REJECTED',
      'revoke takes an organisation and serial numbers in lower-case hex',
    )
  }
  const network = await startNetwork({ folder, organizations: await openOrganizations() })
  const list = values.list === undefined ? undefined : readFileSync(values.list, 'utf8')
  await network.revokeCertificates(mspIdShape(mspId, 'organisation'), serials, list)
  say(`${mspId}: ${serials.length} certificates revoked on the ledger and on the list of its MSP`)
}

async function down(): Promise<void> {
  const before = await networkStatus(folder)
  if (before === undefined) return say(`no network in ${folder}`)
  await stopNetwork(folder)
  say(`ended: ${before.nodes.filter(({ pid }) => pid !== 0).length} processes`)
  if (!values.remove) return
  for (const part of ['nodes', 'organizations', 'channel', 'builder', 'keys', 'network.json', 'connection.json']) {
    rmSync(join(folder, part), { recursive: true, force: true })
  }
  say('removed: ledger, keys and settings of the network')
}

async function status(): Promise<void> {
  const network = await networkStatus(folder)
  if (network === undefined) {
    process.exitCode = 1
    return say(`no network in ${folder}`)
  }
  say(`channel ${network.channel}, contract ${network.chaincode}${network.isReady ? '' : ', never ready yet'}`)
  for (const row of rowsOf(network)) say(row)
  if (network.nodes.some(({ pid }) => pid === 0)) process.exitCode = 1
}

async function logs(): Promise<void> {
  const [wanted] = rest
  const nodes = (await networkStatus(folder))?.nodes.filter(({ name }) => wanted === undefined || name === wanted) ?? []
  if (nodes.length === 0) {
    process.exitCode = 1
    return say(wanted === undefined ? `no network in ${folder}` : `no node is called ${wanted}`)
  }
  for (const { name, log } of nodes) {
    say(`== ${name}: ${log}`)
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []
    for (const line of lines.slice(-Number(values.lines))) say(stripVTControlCharacters(line))
  }
}

async function programs(): Promise<void> {
  const { version, bin } = await ensureBinaries(undefined, { onProgress: say })
  say(`Fabric ${version} in ${bin}`)
  // One suite uses them, and nothing else: no reason to fail.
  const authority = await ensureAuthorityPrograms({ onProgress: say }).catch((error: unknown) => {
    if (error instanceof NetworkError) return `nowhere: ${error.message}`
    throw error
  })
  say(`Fabric CA in ${authority}`)
}

/** The organisations of the network that is there, else those asked for; their keys are made when they are missing. */
async function openOrganizations(): Promise<NetworkOrganization[]> {
  const there = (await networkStatus(folder))?.nodes.filter(({ kind }) => kind === 'peer').map(({ mspId }) => mspId)
  const asked = values.organizations?.split(',').filter(Boolean)
  const organizations: NetworkOrganization[] = []
  for (const name of asked ?? there ?? ['HospitalA', 'HospitalB']) {
    const mspId = mspIdShape(name, 'organizations')
    const crypto = createNodeCrypto()
    const { authority } = await openOrganization(join(folder, 'keys', mspId), { crypto, mspId, nowMs: Date.now })
    organizations.push({ mspId, name, authority })
  }
  return organizations
}

function orderingOption(): { readonly ordering?: Ordering } {
  const { ordering } = values
  if (ordering === undefined) return {}
  if (ordering === 'raft' || ordering === 'bft') return { ordering }
  throw new NetworkError('NETWORK_OPTIONS_REJECTED', '--ordering is raft or bft')
}

function numberOption(
  name: 'orderers' | 'peers' | 'base-port' | 'batch-timeout-ms',
  as: string = name,
): Record<string, number> {
  const text = values[name]
  if (text === undefined) return {}
  if (!/^[0-9]{1,6}$/.test(text)) throw new NetworkError('NETWORK_OPTIONS_REJECTED', `--${name} takes a number`)
  return { [as]: Number(text) }
}

function rowsOf({ nodes }: NetworkStatus): string[] {
  const width = Math.max(...nodes.map(({ name }) => name.length))
  return nodes.map(({ name, endpoint, pid, blocks, isLeader }) => {
    const state = pid === 0 ? 'down' : `pid ${pid}`
    const height = blocks === undefined ? '' : `${blocks} blocks`
    return [name.padEnd(width), endpoint.padEnd(16), state.padEnd(12), height, isLeader ? 'leads' : '']
      .join('  ')
      .trimEnd()
  })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  const run = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
  if (run === undefined)
    throw new NetworkError('NETWORK_OPTIONS_REJECTED', 'one of: up, down, status, logs, programs, revoke')
  await run()
} catch (error) {
  if (!(error instanceof NetworkError)) throw error
  process.stderr.write(`${error.code}: ${error.message}\n${ERROR_TABLE[error.code].action}\n`)
  process.exitCode = 1
}
