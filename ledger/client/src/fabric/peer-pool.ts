/**
 * The peers of a channel that a client knows: one at a time is used for everything that any peer can do, those of the
 * client's own organisation first; when it is away, or says nothing, the next one takes over.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LedgerError } from '../../../../shared/ledger-model/src/index.ts'
import type { MspId } from '../../../../shared/protocol/src/index.ts'
import type { PeerConnection } from './peer-connection.ts'
import { isAway, refusalOf } from './refusals.ts'

/** A peer that was away is asked last for this long. */
const AVOID_MS = 3_000
/**
 * A peer that says nothing to anybody for so long, while it is asked, is not waited for alone. One with much to do still
 * answers others, so load alone makes no second requests.
 */
const SILENCE_MS = 1_000

export class PeerPool {
  #peers: readonly PeerConnection[]
  readonly #own: MspId
  readonly #awayUntilMs = new Map<PeerConnection, number>()
  readonly #blocks = new Map<PeerConnection, number>()
  /** When each peer last said something, `performance.now()`. */
  readonly #heardMs = new Map<PeerConnection, number>()

  /** @param peers at least one. */
  constructor(peers: readonly PeerConnection[], own: MspId) {
    this.#own = own
    this.#peers = this.#ownFirst(peers)
  }

  /** Peers that became known later. None is ever taken out: one that is gone is away. */
  add(peers: readonly PeerConnection[]): void {
    this.#peers = this.#ownFirst([...this.#peers, ...peers])
  }

  #ownFirst(peers: readonly PeerConnection[]): readonly PeerConnection[] {
    const isOwn = (peer: PeerConnection) => (peer.node.mspId === this.#own ? 0 : 1)
    return peers.toSorted((a, b) => isOwn(a) - isOwn(b))
  }

  get all(): readonly PeerConnection[] {
    return this.#peers
  }

  /** In the order in which they should be asked. */
  ordered(among: readonly PeerConnection[] = this.#peers): readonly PeerConnection[] {
    return among.toSorted((a, b) => Number(this.isAvoided(a)) - Number(this.isAvoided(b)))
  }

  /** Whether it was away, or silent, a moment ago. */
  isAvoided(peer: PeerConnection): boolean {
    return (this.#awayUntilMs.get(peer) ?? 0) > performance.now()
  }

  get current(): PeerConnection {
    return this.ordered()[0] as PeerConnection
  }

  /** Number of blocks that a peer is known to have, all of them in its state; it never has fewer later. */
  knownBlocks(peer: PeerConnection): number {
    return this.#blocks.get(peer) ?? 0
  }

  /** Of the peer that is known to have the most. */
  get mostBlocks(): number {
    return Math.max(0, ...this.#blocks.values())
  }

  noteBlocks(peer: PeerConnection, blocks: number): void {
    this.#heard(peer)
    this.#blocks.set(peer, Math.max(blocks, this.knownBlocks(peer)))
  }

  /** The peers of each organisation; organisations in the order in which they should be asked. */
  byOrganization(): readonly (readonly PeerConnection[])[] {
    return [...Map.groupBy(this.ordered(), ({ node }) => node.mspId).values()]
  }

  /** Notes how a request to a peer went wrong, and gives it back. */
  failed(peer: PeerConnection, error: unknown): LedgerError {
    const refusal = refusalOf(error)
    if (refusal.code === 'LEDGER_UNAVAILABLE') this.#avoid(peer)
    else this.#heard(peer)
    return refusal
  }

  /**
   * Asks one peer after the other until one answers, or refuses: the next one when a peer is away, and beside it when it is
   * silent. The first answer counts, so `step` must be good for being done twice.
   * @throws {LedgerError}
   */
  try<T>(step: (peer: PeerConnection) => Promise<T>, among: readonly PeerConnection[] = this.#peers): Promise<T> {
    const waiting = this.ordered(among).values()
    const over = new AbortController()
    return new Promise<T>((resolve, reject) => {
      let underWay = 0
      let last: LedgerError | undefined
      const askNext = (): void => {
        const { value: peer } = waiting.next()
        if (peer !== undefined) void ask(peer)
        else if (underWay === 0) reject(last ?? refusalOf(undefined))
      }
      const ask = async (peer: PeerConnection): Promise<void> => {
        underWay++
        const answered = new AbortController()
        void this.whenSilent(peer, AbortSignal.any([over.signal, answered.signal])).then(askNext, () => undefined)
        try {
          const value = await step(peer)
          this.#heard(peer)
          over.abort()
          resolve(value)
        } catch (error) {
          answered.abort()
          underWay--
          last = this.failed(peer, error)
          if (isAway(last) && !over.signal.aborted) askNext()
          else {
            over.abort()
            reject(last)
          }
        }
      }
      askNext()
    })
  }

  /** Resolves when the peer has said nothing to anybody for a while, from now on. @throws when `signal` is aborted. */
  async whenSilent(peer: PeerConnection, signal: AbortSignal): Promise<void> {
    const fromMs = performance.now()
    for (;;) {
      const leftMs = Math.max(fromMs, this.#heardMs.get(peer) ?? 0) + SILENCE_MS - performance.now()
      if (leftMs <= 0) break
      await sleep(leftMs, undefined, { signal, ref: false })
    }
    this.#avoid(peer)
  }

  close(): void {
    for (const peer of this.#peers) peer.close()
  }

  #avoid(peer: PeerConnection): void {
    this.#awayUntilMs.set(peer, performance.now() + AVOID_MS)
  }

  #heard(peer: PeerConnection): void {
    this.#heardMs.set(peer, performance.now())
  }
}
