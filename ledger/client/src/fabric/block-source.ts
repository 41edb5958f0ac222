/**
 * Blocks as peers deliver them: in order, each once, from a number on, whichever peer has them. A block is delivered when
 * its transactions are in the peer's state.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { common } from '@hyperledger/fabric-protos'
import { equalBytes } from '../../../../shared/crypto/src/index.ts'
import { LedgerError } from '../../../../shared/ledger-model/src/index.ts'
import type { LedgerBlock, LedgerIdentity } from '../port.ts'
import { toLedgerBlock } from './envelopes.ts'
import type { PeerConnection } from './peer-connection.ts'
import type { PeerPool } from './peer-pool.ts'
import { isAway } from './refusals.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000
/**
 * A peer that delivers nothing for so long, while another has the next block, is left for it; for twice as long each time,
 * until a block comes: where all are slow, going from one to the other would make them slower.
 */
const FIRST_SILENCE_MS = 1_000
const LONGEST_SILENCE_MS = 30_000

export interface BlockSourceOptions {
  readonly pool: PeerPool
  readonly channel: string
  readonly chaincode: string
  /** Signs the request for blocks. */
  readonly identity: LedgerIdentity
}

/**
 * Without end: waits for new blocks and goes on with another peer when one is away. Ends when `signal` is aborted.
 * @throws {LedgerError} `LEDGER_BLOCK_INVALID` for a block that is not the next one; `LEDGER_IDENTITY_REJECTED`.
 */
export async function* deliverBlocks(
  options: BlockSourceOptions,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<LedgerBlock, void> {
  let next = from
  let previousHash: Uint8Array | undefined
  let pauseMs = FIRST_PAUSE_MS
  let silenceMs = FIRST_SILENCE_MS
  while (!signal.aborted) {
    const peer = options.pool.current
    try {
      for await (const delivered of eventsOf(peer, options, next, () => silenceMs, signal)) {
        const block = toLedgerBlock(delivered, options.chaincode)
        const follows = previousHash === undefined || equalBytes(previousHash, previousHashOf(delivered))
        if (block.number !== next || !follows) {
          throw new LedgerError('LEDGER_BLOCK_INVALID', 'not the next block', { block: next })
        }
        options.pool.noteBlocks(peer, block.number + 1)
        yield block
        previousHash = block.hash
        pauseMs = FIRST_PAUSE_MS
        silenceMs = FIRST_SILENCE_MS
        next++
        if (signal.aborted) return
      }
    } catch (error) {
      if (signal.aborted) return
      const refusal = options.pool.failed(peer, error)
      if (!isAway(refusal)) throw refusal
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => {})
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    silenceMs = Math.min(silenceMs * 2, LONGEST_SILENCE_MS)
  }
}

async function* eventsOf(
  peer: PeerConnection,
  { pool, channel, identity }: BlockSourceOptions,
  from: number,
  silenceMs: () => number,
  signal: AbortSignal,
): AsyncGenerator<common.Block, void> {
  const network = peer.gateway(identity).getNetwork(channel)
  const events = await network.getBlockEvents({ startBlock: BigInt(from) })
  const stop = () => events.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    // Also after a stop: whoever reads hears of it, and nobody else would.
    const blocks: AsyncIterator<common.Block, unknown> = events[Symbol.asyncIterator]()
    for (let next = from; ; next++) {
      const told = await orSilence(blocks.next(), silenceMs(), () => pool.mostBlocks > next)
      if (told.done === true) return
      yield told.value
    }
  } finally {
    signal.removeEventListener('abort', stop)
    events.close()
  }
}

/** @throws {LedgerError} `LEDGER_UNAVAILABLE` when others have had it for a while. */
async function orSilence<T>(block: Promise<T>, silenceMs: number, othersHaveIt: () => boolean): Promise<T> {
  const told = new AbortController()
  const silence = async (): Promise<never> => {
    for (let isLate = false; ;) {
      await sleep(silenceMs, undefined, { signal: told.signal, ref: false })
      if (isLate) throw new LedgerError('LEDGER_UNAVAILABLE', 'the peer delivers no blocks')
      isLate = othersHaveIt()
    }
  }
  try {
    return await Promise.race([block, silence()])
  } finally {
    told.abort()
    block.catch(() => undefined)
  }
}

function previousHashOf(block: common.Block): Uint8Array {
  return block.getHeader()?.getPreviousHash_asU8() ?? new Uint8Array(0)
}
