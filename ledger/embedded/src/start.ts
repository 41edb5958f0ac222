/**
 * Starts a ledger node with its HTTP server.
 *
 * @module
 */
import type { AddressInfo } from 'node:net'
import { type Crypto, type SigningKey } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { type ChannelConfiguration, LedgerError } from '../../../shared/ledger-model/src/index.ts'
import type { Ledger, LedgerIdentity } from '../../client/src/port.ts'
import { createHttpServer } from './http-server.ts'
import { LedgerNode } from './ledger-node.ts'
import { createLocalLedger } from './local-ledger.ts'

export interface EmbeddedLedgerOptions {
  /** Made if it does not exist; one process at a time uses it. */
  readonly folder: string
  /** Configuration of block 0; may be left out when the folder has a ledger. */
  readonly genesis?: ChannelConfiguration
  /** One of the configuration's node keys, a key of `crypto`. */
  readonly nodeKey: SigningKey
  /** Default: any free port. */
  readonly port?: number
  /** Default: loopback. Whoever reaches the port can read every block. */
  readonly host?: string
  /** Signs the queries of `ledger`. */
  readonly identity?: LedgerIdentity
  readonly crypto?: Crypto
  /** Unix ms; default the system's clock. */
  readonly nowMs?: () => number
  /** Told of faults of the program itself, which clients see as `LEDGER_FAULT` or `LEDGER_STORAGE_FAILED`. */
  readonly onFault?: (error: unknown) => void
}

export interface EmbeddedLedger {
  /** For clients in other processes. */
  readonly url: string
  readonly node: LedgerNode
  /** For this process. */
  readonly ledger: Ledger
  /** Ends connections, commits what waits, closes the files. */
  close(): Promise<void>
}

/** @throws {LedgerError} as `LedgerNode.open`; `LEDGER_UNAVAILABLE` if the port is taken. */
export async function startEmbeddedLedger(options: EmbeddedLedgerOptions): Promise<EmbeddedLedger> {
  const { folder, genesis, nodeKey, port = 0, host = '127.0.0.1', identity, onFault } = options
  const crypto = options.crypto ?? createNodeCrypto()
  const nowMs = options.nowMs ?? Date.now
  const node = LedgerNode.open({ crypto, folder, nodeKey, nowMs, ...(genesis === undefined ? {} : { genesis }) })
  const app = createHttpServer(node, onFault)
  try {
    await app.listen({ port, host })
  } catch (cause) {
    node.close()
    throw new LedgerError('LEDGER_UNAVAILABLE', 'the port cannot be opened', { cause })
  }
  const address = app.server.address() as AddressInfo
  const ledger = createLocalLedger({ crypto, node, nowMs, ...(identity === undefined ? {} : { identity }) })
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    node,
    ledger,
    async close() {
      await ledger.close()
      await app.close()
      node.close()
    },
  }
}
