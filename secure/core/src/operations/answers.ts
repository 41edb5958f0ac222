/**
 * What leaves for the host at the end of a round: answers, made when everything they tell of is durable, then effects.
 * With a synchronous replica they wait until it has the round, too.
 * Spec: docs/protocol/10-tee-abi.md §10.2, §10.4; 11-replica.md §11.6.
 *
 * @module
 */
import type { ErrorCode } from '../../../../shared/protocol/src/index.ts'
import {
  encodeAnswer,
  encodeEffect,
  encodeFrame,
  encodeRefusal,
  type AbiAnswer,
  type AbiOpName,
  type Effect,
} from '../../../../shared/tee-abi/src/index.ts'
import { refusalOf, StorageError, TrustedApplicationError } from '../errors.ts'
import type { FactsOutcome } from '../facts/ledger-facts.ts'
import type { Facts } from '../facts/queries.ts'

/** Operations whose answers say nothing of what is stored (§11.6). */
const UNHELD: ReadonlySet<AbiOpName> = new Set([
  'status',
  'attest',
  'configuration',
  'hello',
  'endorsement',
  'committed',
  'anchored',
  'replica-mode',
  'replica-hello',
  'replica-finish',
  'replica-record',
  'follow-reply',
  'promote',
  'restore-finish',
  'stop',
])

/** An answer, made when the round is durable. */
interface Message {
  readonly make: () => Uint8Array
  /** Leaves although a synchronous replica has not got the round. */
  readonly isUnheld: boolean
}

/** How far the store is, and how far the replica that answers wait for. */
export interface Positions {
  readonly store: number
  readonly replica: number
}

export class Answers {
  #messages: Message[] = []
  /** Frames that leave when the replica has what they tell of, oldest first. */
  readonly #held: { readonly position: number; readonly frames: readonly Uint8Array[] }[] = []

  /** Whether something waits for a replica. */
  get isHolding(): boolean {
    return this.#held.length > 0
  }

  /** @param make is called once the round is durable. */
  release(op: AbiOpName, make: () => Uint8Array): void {
    this.#messages.push({ make, isUnheld: UNHELD.has(op) })
  }

  answer<O extends AbiOpName>(op: O, id: number, answer: AbiAnswer<O>): void {
    this.release(op, () => encodeAnswer(op, id, answer))
  }

  /** Of a request for which nothing was written. */
  refuse(id: number, code: ErrorCode): void {
    this.#messages.push({ make: () => encodeRefusal(id, code), isUnheld: true })
  }

  /**
   * Of a request that waited for the ledger.
   * @param answer what is made of the facts. What it throws is the refusal.
   * @throws {StorageError} of `answer`: the store cannot be relied on.
   */
  answerLater<O extends AbiOpName>(
    op: O,
    id: number,
    outcome: FactsOutcome,
    answer: (facts: Facts) => AbiAnswer<O>,
  ): void {
    let message: Uint8Array
    try {
      if ('code' in outcome) throw new TrustedApplicationError(outcome.code)
      message = encodeAnswer(op, id, answer(outcome.facts))
    } catch (error) {
      if (error instanceof StorageError) throw error
      message = encodeRefusal(id, codeOf(error))
    }
    this.release(op, () => message)
  }

  /** What has gathered, and the effects of the round. */
  frames(effects: readonly Effect[]): Uint8Array[] {
    return framesOf(this.#take(), effects)
  }

  /** The same, of what does not wait for the replica, and of what has waited long enough (§11.6). */
  heldFrames(effects: readonly Effect[], { store, replica }: Positions): Uint8Array[] {
    const messages = this.#take()
    const frames = framesOf(
      messages.filter(({ isUnheld }) => isUnheld),
      effects.filter(isFree),
    )
    const waiting = framesOf(
      messages.filter(({ isUnheld }) => !isUnheld),
      effects.filter((effect) => !isFree(effect)),
    )
    if (waiting.length > 0) this.#held.push({ position: store, frames: waiting })
    while (this.#held[0] !== undefined && this.#held[0].position <= replica) {
      frames.push(...(this.#held.shift()?.frames ?? []))
    }
    return frames
  }

  #take(): readonly Message[] {
    const messages = this.#messages
    this.#messages = []
    return messages
  }
}

/** What a caller is told of an error. */
export function codeOf(error: unknown): ErrorCode {
  return refusalOf(error)?.code ?? 'TEE_FAULT'
}

function isFree({ fx }: Effect): boolean {
  return fx === 'need' || fx === 'watch'
}

function framesOf(messages: readonly Message[], effects: readonly Effect[]): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (const { make } of messages) frames.push(encodeFrame(make()))
  for (const effect of effects) frames.push(encodeFrame(encodeEffect(effect)))
  return frames
}
