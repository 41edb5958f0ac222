/**
 * A whole system on real processes, each the program that is shipped: ledger, record server with the trusted application
 * in the process TEE, the service of a hospital. In a temporary folder, on loopback.
 *
 * @module
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../clients/cli/src/system/ports.ts'
import type { ConsortiumConfig } from '../../clients/sdk/src/index.ts'
import { openOrganization, serviceIdentityPath, type Organization } from '../../hospital/src/index.ts'
import { formatFabricTrust } from '../../ledger/client/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import type { ChannelConfiguration, FabricTrust } from '../../shared/ledger-model/src/index.ts'
import { newRef, type MspId, type ServerRef } from '../../shared/protocol/src/index.ts'
import { createLedger, type BenchLedger, type LedgerKind } from './ledger.ts'
import { findDescendant, PROFILES, startProgram, type Program } from './program.ts'
import { setUpRecordServer } from './record-server-setup.ts'

export const CHANNEL = 'health'
const HOSPITAL = 'Hospital A'

export interface BenchSystem {
  readonly folder: string
  readonly serverUrl: string
  readonly hospitalUrl: string
  readonly serverRef: ServerRef
  readonly consortium: ConsortiumConfig
  /** Place of the ledger, see `openLedger`, and who may write to it in the organisation's name. */
  readonly ledgerUrl: string
  readonly admin: Organization['admin']
  /** Text of the identity file of the hospital's service. */
  readonly staff: string
  /** Of the trusted application's store, and of the ledger. */
  readonly storeFolder: string
  readonly ledgerFolder: string
  /** Process ids by part. */
  readonly pids: Readonly<Record<string, readonly number[]>>
  /** Ends the programs and keeps the files. */
  stop(): Promise<void>
  /** Ends the programs and removes the files. */
  close(): Promise<void>
}

/** What stays the same when the programs are started again. */
interface Setup {
  readonly folder: string
  /** Of the record server, so that nobody waits for it to say where it is. */
  readonly serverPort: number
  readonly serverRef: ServerRef
  readonly ledger: BenchLedger
  readonly organization: Organization
}

const crypto = createNodeCrypto()
const setups = new WeakMap<BenchSystem, Setup>()

/** Makes a consortium of one hospital and starts everything. */
export async function createBenchSystem(kind: LedgerKind): Promise<BenchSystem> {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-bench-'))
  try {
    for (const name of ['logs', 'hospital', 'server']) mkdirSync(join(folder, name))
    const options = { crypto, mspId: 'HospitalA' as MspId, nowMs: Date.now }
    const organization = await openOrganization(join(folder, 'hospital'), options)
    const ledger = await createLedger(kind, crypto, folder, CHANNEL, organization)
    const serverPort = await freePort(0, new Set())
    return await start({ folder, serverPort, serverRef: newRef(crypto, 's'), ledger, organization }, true)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** Starts the programs of a system that was stopped. */
export async function restartSystem(system: BenchSystem): Promise<BenchSystem> {
  const setup = setups.get(system)
  if (setup === undefined) throw new TypeError('not a system of this process')
  return await start(setup, false)
}

async function start(setup: Setup, isFirst: boolean): Promise<BenchSystem> {
  const started: Program[] = []
  const { folder } = setup
  const stop = async (): Promise<void> => {
    for (const program of started.splice(0).toReversed()) await program.stop()
    if (PROFILES !== undefined) keepProfiles(join(folder, 'server', 'data'), PROFILES)
  }
  const close = async (): Promise<void> => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const system = { ...(await startPrograms(setup, isFirst, started)), stop, close }
    setups.set(system, setup)
    return system
  } catch (error) {
    await stop()
    throw error
  }
}

async function startPrograms(
  { folder, serverPort, serverRef, ledger: { configuration: genesis, ...ledgerSetup }, organization }: Setup,
  isFirst: boolean,
  started: Program[],
): Promise<Omit<BenchSystem, 'stop' | 'close'>> {
  const run = async (script: string, args: readonly string[], name: string): Promise<Program> => {
    const program = await startProgram(script, args, join(folder, 'logs', `${name}.log`))
    started.push(program)
    return program
  }
  const ledger = await run(ledgerSetup.script, ledgerSetup.args, 'ledger')
  const settings = {
    folder: join(folder, 'server'),
    channel: CHANNEL,
    organization,
    genesis,
    serverRef,
    ledgerUrl: ledger.url,
    port: serverPort,
  }
  const configuration = await setUpRecordServer(crypto, settings, isFirst)
  const configurationPath = join(folder, 'host.json')
  writeFileSync(configurationPath, JSON.stringify(configuration), { mode: 0o600 })
  const { nodes, quorum } = genesis
  const trust = fabricTrustOf(genesis)
  const hospitalFolder = join(folder, 'hospital')
  const hospitalConfiguration = {
    v: 1,
    name: HOSPITAL,
    mspId: organization.mspId,
    port: 0,
    channel: CHANNEL,
    nodes: nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: encodeBase64url(publicKey) })),
    quorum,
    ...(trust === undefined ? {} : { fabric: formatFabricTrust(trust) }),
    ledgerUrl: ledger.url,
    server: { ref: serverRef, url: `http://127.0.0.1:${serverPort}` },
    allowSimulated: true,
    // All load comes from one address.
    requestsPerMinute: 10_000_000,
  }
  writeFileSync(join(hospitalFolder, 'hospital.json'), JSON.stringify(hospitalConfiguration))
  const [host, hospital] = await Promise.all([
    run('host/server/src/main.ts', ['--config', configurationPath], 'record-server'),
    run('hospital/src/main.ts', ['--folder', hospitalFolder], 'hospital'),
  ])

  const ta = findDescendant(host.pid, 'node-host.mjs')
  if (ta === undefined) throw new Error('the trusted application does not run')
  return {
    folder,
    serverUrl: host.url,
    hospitalUrl: hospital.url,
    serverRef,
    consortium: { channel: CHANNEL, nodes, quorum, ...(trust === undefined ? {} : { fabric: trust }) },
    ledgerUrl: ledger.url,
    admin: organization.admin,
    staff: readFileSync(serviceIdentityPath(hospitalFolder), 'utf8'),
    storeFolder: join(folder, 'server', 'data'),
    ledgerFolder: ledgerSetup.folder,
    pids: { ta: [ta], host: [host.pid], ...(await ledgerSetup.pids(ledger.pid)), hospital: [hospital.pid] },
  }
}

function keepProfiles(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    if (name.endsWith('.cpuprofile')) copyFileSync(join(from, name), join(to, name))
  }
}

function fabricTrustOf({ fabric, organizations }: ChannelConfiguration): FabricTrust | undefined {
  return fabric === undefined ? undefined : { chaincode: fabric.chaincode, organizations }
}
