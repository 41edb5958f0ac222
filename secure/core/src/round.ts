/**
 * What one commit round gives rise to besides answers, in the order in which it came about.
 * Spec: docs/protocol/10-tee-abi.md §10.3, §10.4.
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
  #effects: Effect[] = []

  /** Leaves with the answers, when the round is durable. */
  effect(effect: Effect): void {
    this.#effects.push(effect)
  }

  /** Takes everything out. */
  take(): readonly Effect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}
