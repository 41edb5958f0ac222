/**
 * The driver of a trusted application that is played by the test: it hears every request and sends effects.
 *
 * @module
 */
import type { AbiAnswer, AbiOpName, AbiRequest, Effect, HostRequest } from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { TeeError } from '../../../tee/src/errors.ts'

export class RecordingTee implements TeeDriver {
  readonly kind = 'test'
  readonly state = 'running'
  readonly failure = undefined
  readonly isolation: readonly string[] = []
  readonly restarts = 0
  readonly outstanding = 0
  readonly heard: Omit<HostRequest, 'id'>[] = []
  /** Codes with which the next requests are refused. */
  readonly refusals: TeeError[] = []
  #listener: (effect: Effect) => void = () => undefined
  #restarted: () => void = () => undefined
  #waiters: { readonly count: number; readonly resolve: () => void }[] = []

  request<O extends AbiOpName>(op: O, request: AbiRequest<O>): Promise<AbiAnswer<O>> {
    this.heard.push({ op, ...request })
    this.#waiters = this.#waiters.filter(({ count, resolve }) => {
      if (this.heard.length < count) return true
      resolve()
      return false
    })
    const refusal = this.refusals.shift()
    return refusal === undefined ? Promise.resolve({} as AbiAnswer<O>) : Promise.reject(refusal)
  }

  /** Resolves when this many requests were heard in all. */
  hears(count: number): Promise<void> {
    if (this.heard.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ count, resolve }))
  }

  send(effect: Effect): void {
    this.#listener(effect)
  }
  restart(): void {
    this.#restarted()
  }
  onEffect(listener: (effect: Effect) => void): void {
    this.#listener = listener
  }
  onRestart(listener: () => void): void {
    this.#restarted = listener
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}
