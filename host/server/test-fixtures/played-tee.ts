/**
 * The driver of a trusted application that a test plays, operation by operation. What it was not told to do it refuses.
 *
 * @module
 */
import type { AbiAnswer, AbiOpName, AbiRequest } from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver, TeeDriverState } from '../../../tee/src/driver.ts'
import { TeeError } from '../../../tee/src/errors.ts'

export type Play = {
  readonly [O in AbiOpName]?: (request: AbiRequest<O>) => AbiAnswer<O> | Promise<AbiAnswer<O>>
}

export class PlayedTee implements TeeDriver {
  readonly kind = 'test'
  readonly isolation: readonly string[] = ['own-process']
  readonly restarts = 2
  readonly outstanding = 0
  state: TeeDriverState = 'running'
  failure: TeeDriver['failure'] = undefined
  readonly #play: Play

  constructor(play: Play) {
    this.#play = play
  }

  async request<O extends AbiOpName>(op: O, request: AbiRequest<O>): Promise<AbiAnswer<O>> {
    const act = this.#play[op]
    if (act === undefined) throw new TeeError('TEE_UNKNOWN_COMMAND')
    return await act(request)
  }

  onEffect(): void {
    throw new Error('not implemented in the played TEE')
  }
  onRestart(): void {
    throw new Error('not implemented in the played TEE')
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}
