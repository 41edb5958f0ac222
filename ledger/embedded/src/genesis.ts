/**
 * The first block, and what a node reads from its disk when it opens a ledger.
 *
 * @module
 */
import { type Crypto, equalBytes, type SigningKey } from '../../../shared/crypto/src/index.ts'
import {
  checkEmbedded,
  blockHash,
  type ChainHead,
  type ChannelConfiguration,
  type ConfigurationUpdate,
  decodeConfiguration,
  decodeConfigurationUpdate,
  encodeConfiguration,
  encodeConfigurationUpdate,
  LedgerError,
  makeBlock,
  nodeKeysOf,
  verifyBlock,
} from '../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../shared/protocol/src/index.ts'
import type { LedgerStore } from './store.ts'

/** Writes block 0. @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` without a genesis, or for one that is not. */
export function writeGenesis(
  crypto: Crypto,
  store: LedgerStore,
  genesis: ChannelConfiguration | undefined,
  nodeKey: SigningKey,
  timeMs: number,
): void {
  if (genesis === undefined) throw new LedgerError('LEDGER_CONFIGURATION_REJECTED', 'a new ledger needs a genesis')
  const configuration = encodeConfiguration(genesis)
  const checked = decodeConfiguration(crypto, configuration)
  checkEmbedded(checked)
  if (checked.sequence !== 0) throw new LedgerError('LEDGER_CONFIGURATION_REJECTED', 'a genesis has sequence 0')
  mspIdOf(checked, nodeKey)
  const bytes = encodeConfigurationUpdate({ configuration, signatures: [] })
  const { block, head } = makeBlock(crypto, nodeKey, undefined, { kind: 'config', timeMs, transactions: [bytes] })
  store.append(block, head, 'config', [{ txId: undefined, bytes, writes: [] }])
}

/** The configuration in block 0, as encoded there. */
export function genesisBytes(store: LedgerStore): Uint8Array {
  return updateIn(store, 0).configuration
}

/** The newest configuration; it was checked when it came in. */
export function currentConfiguration(crypto: Crypto, store: LedgerStore): ChannelConfiguration {
  return decodeConfiguration(crypto, updateIn(store, store.configurationBlocks().at(-1) ?? 0).configuration)
}

function updateIn(store: LedgerStore, number: number): ConfigurationUpdate {
  const bytes = store.block(number)?.transactions[0]
  if (bytes === undefined) throw new LedgerError('LEDGER_BLOCK_INVALID', 'a block is missing', { block: number })
  return decodeConfigurationUpdate(bytes)
}

/** A first look at what the disk holds. @throws {LedgerError} `LEDGER_BLOCK_INVALID` */
export function checkNewest(
  crypto: Crypto,
  store: LedgerStore,
  head: ChainHead,
  configuration: ChannelConfiguration,
): void {
  const block = store.block(head.number)
  if (block === undefined) throw new LedgerError('LEDGER_BLOCK_INVALID', 'the newest block is missing')
  const before = head.number === 0 ? undefined : store.block(head.number - 1)
  const previous =
    before === undefined ? undefined : { number: head.number - 1, hash: blockHash(crypto, before.header), timeMs: 0 }
  const verified = verifyBlock(crypto, previous, block, nodeKeysOf(crypto, configuration))
  if (!equalBytes(verified.head.hash, head.hash)) {
    throw new LedgerError('LEDGER_BLOCK_INVALID', 'the newest block has another hash', { block: head.number })
  }
}

/** Organisation of a node key. @throws {LedgerError} `LEDGER_CONFIGURATION_REJECTED` if the configuration has none. */
export function mspIdOf(configuration: ChannelConfiguration, nodeKey: SigningKey): MspId {
  const node = configuration.nodes.find(({ publicKey }) => equalBytes(publicKey, nodeKey.publicKey))
  if (node === undefined) {
    throw new LedgerError('LEDGER_CONFIGURATION_REJECTED', 'the configuration does not name this node’s key')
  }
  return node.mspId
}
