/**
 * Answers about recovery shares of the record server's key.
 *
 * @module
 */
import { bool, list, struct, text, uint, type Infer } from '../../../../shared/protocol/src/index.ts'

const mspIds = list(text({ max: 32 }), { max: 64 })

export const recoveryShareShape = struct({ number: uint(), timeMs: uint(), threshold: uint(), holders: mspIds })

/** A recovery share that a hospital keeps: of which set, and how many of it give the key. @useDeclaredType */
export type RecoveryShareHeld = Infer<typeof recoveryShareShape>

export const recoveryGivenShape = struct({
  instance: text({ max: 64 }),
  given: mspIds,
  threshold: uint(),
  isComplete: bool(),
})

/** What came of giving a recovery share: to which instance, and which organisations have given theirs. @useDeclaredType */
export type RecoveryShareGiven = Infer<typeof recoveryGivenShape>
