/**
 * What one commit round gives back when it is durable: answers and effects, in the order in which they came about.
 * Spec: docs/protocol/10-tee-abi.md §10.4.
 *
 * @module
 */
import type { CborValue } from '../../../shared/protocol/src/index.ts'
import type { Effect } from '../../../shared/tee-abi/src/index.ts'

/** Members of an answer in a session, besides `ok`. */
export type AnswerMembers = Readonly<Record<string, CborValue>>

/** An answer that is complete, or one that needs the log as it is once the round is durable. */
export type Answer = AnswerMembers | (() => AnswerMembers)

export class Round {
  #messages: (() => Uint8Array | undefined)[] = []
  #effects: Effect[] = []

  /** Makes a message for the host once everything before it is durable. */
  release(make: () => Uint8Array | undefined): void {
    this.#messages.push(make)
  }

  effect(effect: Effect): void {
    this.#effects.push(effect)
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0 && this.#effects.length === 0
  }

  /** Takes everything out. */
  take(): { readonly messages: readonly (() => Uint8Array | undefined)[]; readonly effects: readonly Effect[] } {
    const taken = { messages: this.#messages, effects: this.#effects }
    this.#messages = []
    this.#effects = []
    return taken
  }
}
