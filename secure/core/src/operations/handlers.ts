/**
 * The shape of what serves the operations of the host.
 *
 * @module
 */
import type { AbiAnswer, AbiOpName, HostRequestOf } from '../../../../shared/tee-abi/src/index.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { Answers } from './answers.ts'

/** One for each of some operations. Undefined: the answer follows later, or was released already. */
export type Handlers<O extends AbiOpName> = {
  readonly [Op in O]: (request: HostRequestOf<Op>) => AbiAnswer<Op> | undefined
}

/** What handlers work on. */
export interface Context {
  readonly lifecycle: Lifecycle
  readonly answers: Answers
}
