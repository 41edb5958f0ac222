/**
 * The ledger of a test world: in this process, or as the program in a process of its own, which can be killed.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createFabricLedgerClient } from '../../../ledger/client/src/fabric/index.ts'
import { createEmbeddedLedgerClient, fabricLocation } from '../../../ledger/client/src/index.ts'
import type { Ledger, LedgerIdentity } from '../../../ledger/client/src/port.ts'
import { startEmbeddedLedger } from '../../../ledger/embedded/src/index.ts'
import { startNetwork, type Network, type NetworkOrganization } from '../../../ledger/network/src/index.ts'
import { encodeHex, type Crypto, type SigningKey } from '../../../shared/crypto/src/index.ts'
import { encodeConfiguration, type ChannelConfiguration } from '../../../shared/ledger-model/src/index.ts'
import { ROOT } from '../../../tools/files.ts'

const MAIN = join(ROOT, 'ledger/embedded/src/main.ts')

export interface WorldLedger {
  readonly url: string
  /** The network, where it is one of Fabric. */
  readonly network?: Network
  /** For tests and for the record server's host; signs its queries as the world's administrator. */
  readonly ledger: Ledger
  /** Commits what waits, then ends. */
  close(): Promise<void>
  /** Ends it without a word. Only a process of its own can be killed. */
  kill(): Promise<void>
}

export interface WorldLedgerOptions {
  readonly crypto: Crypto
  readonly folder: string
  /** Where files for the program are written. */
  readonly filesFolder: string
  readonly genesis: ChannelConfiguration
  readonly nodeKey: SigningKey
  readonly identity: LedgerIdentity
  /** 0: any. */
  readonly port: number
  readonly nowMs: () => number
  readonly onFault: (error: unknown) => void
}

export async function startLedgerInProcess(options: WorldLedgerOptions): Promise<WorldLedger> {
  const started = await startEmbeddedLedger(options)
  return {
    url: started.url,
    ledger: started.ledger,
    close: () => started.close(),
    kill: () => Promise.reject(new TypeError('the ledger is in this process')),
  }
}

/** Runs `ledger/embedded` as `trusthealth start` does. Its clock is the machine's. */
export async function startLedgerProcess(options: WorldLedgerOptions): Promise<WorldLedger> {
  const { crypto, folder, filesFolder, genesis, nodeKey, identity, port, nowMs, onFault } = options
  const keyFile = join(filesFolder, 'ledger-node.key')
  const genesisFile = join(filesFolder, 'genesis.cbor')
  writeFileSync(keyFile, encodeHex(crypto.exportSigningKey(nodeKey)), { mode: 0o600 })
  writeFileSync(genesisFile, encodeConfiguration(genesis))
  const args = [folder, '--node-key', keyFile, '--genesis', genesisFile, '--port', String(port)]
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', onFault)
  const url = await urlOf(child)
  const ledger = createEmbeddedLedgerClient(url, { crypto, channel: genesis.channel, identity, nowMs })
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    await ledger.close()
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return { url, ledger, close: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** A network of Fabric on this machine; its programs must be installed. Its clock is the machine's. */
export async function startLedgerOnFabric(
  options: WorldLedgerOptions & { readonly organizations: readonly NetworkOrganization[] },
): Promise<WorldLedger> {
  const { crypto, folder, genesis, identity, nowMs, organizations } = options
  const network = await startNetwork({ folder, channel: genesis.channel, organizations })
  const ledger = createFabricLedgerClient(network.profile, { crypto, identity, nowMs })
  return {
    url: fabricLocation(join(folder, 'connection.json')),
    ledger,
    network,
    async close() {
      await ledger.close()
      await network.stop()
    },
    kill: () => Promise.reject(new TypeError('a network has many processes')),
  }
}

async function urlOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const { url } = JSON.parse(line) as { url?: string }
    if (url !== undefined) return url
  }
  throw new Error('the ledger did not start')
}
