/**
 * The trusted application: takes messages of the host, gives back messages when they are durable. Synchronous, and
 * deterministic given its ports. Spec: docs/protocol/10-tee-abi.md.
 *
 *   handle(message) any number of times, then commit() once: one transaction for all, then answers and effects
 *
 * What it is at the moment is in lifecycle/, what the host may ask of it in operations/, what clients may ask of it in
 * commands/. Whatever shows that the store cannot be relied on ends it: `fatal` is its last effect (fail-stop).
 *
 * @module
 */
import { decodeCbor, type CborValue } from '../../../shared/protocol/src/index.ts'
import {
  decodeRequest,
  encodeEffect,
  encodeFrame,
  isServed,
  type AbiAnswer,
  type AbiOpName,
  type HostRequest,
  type TaState,
} from '../../../shared/tee-abi/src/index.ts'
import { refusalOf, StorageError, TrustedApplicationError } from './errors.ts'
import { FailStop } from './lifecycle/fail-stop.ts'
import { Installation, type TrustedApplicationOptions } from './lifecycle/installation.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { Answers, codeOf } from './operations/answers.ts'
import type { Handlers } from './operations/handlers.ts'
import { operationsOf } from './operations/table.ts'
import type { TrustedApplicationPorts } from './ports.ts'

export interface TrustedApplication {
  /** `stopped` after `stop` and after a fatal error: nothing is answered any more. */
  readonly state: TaState | 'stopped'
  /** Whether it stopped because the store or itself cannot be relied on. */
  readonly isFatal: boolean
  /** Whether `commit` has something to do although no message came: call it again within a fifth of a second. */
  readonly isDue: boolean
  /** Takes one message of the host, without its length. */
  handle(message: Uint8Array): void
  /** Makes everything since the last call durable. @returns frames to write, in order. */
  commit(): Uint8Array[]
}

/**
 * Opens the store. What is found wrong at once is reported as `fatal` by the first `commit`, like everything later.
 * @throws {TypeError} for options that are none.
 */
export function createTrustedApplication(
  ports: TrustedApplicationPorts,
  options: TrustedApplicationOptions,
): TrustedApplication {
  return new Application(new Installation(ports, options))
}

class Application implements TrustedApplication {
  readonly #failStop = new FailStop()
  readonly #answers = new Answers()
  readonly #lifecycle: Lifecycle
  readonly #operations: Handlers<AbiOpName>

  constructor(installation: Installation) {
    this.#lifecycle = new Lifecycle(installation, this.#failStop)
    this.#operations = operationsOf({ lifecycle: this.#lifecycle, answers: this.#answers })
    this.#failStop.guard(() => this.#lifecycle.open())
  }

  get state(): TaState | 'stopped' {
    return this.#lifecycle.state
  }

  get isFatal(): boolean {
    return this.#failStop.code !== undefined
  }

  get isDue(): boolean {
    return this.isFatal || this.#lifecycle.isDue
  }

  handle(message: Uint8Array): void {
    if (this.state === 'stopped' || this.isFatal) return
    this.#failStop.guard(() => this.#handle(message))
  }

  commit(): Uint8Array[] {
    if (this.state === 'stopped') return []
    const frames = this.isFatal ? undefined : this.#failStop.guard(() => this.#commit())
    const { code } = this.#failStop
    if (code === undefined) return frames ?? []
    this.#lifecycle.stop()
    return [encodeFrame(encodeEffect({ fx: 'fatal', code }))]
  }

  #handle(message: Uint8Array): void {
    const request = this.#decode(message)
    if (request === undefined) return
    const { id, op } = request
    const { writes } = this.#lifecycle
    try {
      this.#checkServed(op)
      const handler = this.#operations[op] as (request: HostRequest) => AbiAnswer<'status'> | undefined
      const answer = handler(request)
      if (answer !== undefined) this.#answers.answer(op, id, answer)
    } catch (error) {
      // Half a change must never become durable.
      if (error instanceof StorageError || this.#lifecycle.writes !== writes) throw error
      this.#answers.refuse(id, codeOf(error))
    }
  }

  /** Undefined: what is none is refused. */
  #decode(message: Uint8Array): HostRequest | undefined {
    try {
      return decodeRequest(message)
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === undefined) throw error
      const id = idOf(message)
      // Without a number there is nobody to answer.
      if (id !== undefined) this.#answers.refuse(id, refusal.code)
      return undefined
    }
  }

  /** @throws {TrustedApplicationError} `TEE_RECOVERING`, `TEE_NOT_PROVISIONED` */
  #checkServed(op: AbiOpName): void {
    const { state } = this
    if (isServed(op, state === 'stopped' ? 'new' : state)) return
    throw new TrustedApplicationError(state === 'recovering' ? 'TEE_RECOVERING' : 'TEE_NOT_PROVISIONED')
  }

  #commit(): Uint8Array[] {
    const effects = this.#lifecycle.commit()
    // Last: facts that came too late have just refused their requests.
    const { served } = this.#lifecycle
    const isSynchronous = served?.leader.mode === 'synchronous'
    if (served === undefined || (!isSynchronous && !this.#answers.isHolding)) return this.#answers.frames(effects)
    const replica = isSynchronous ? served.leader.acknowledged : Number.MAX_SAFE_INTEGER
    return this.#answers.heldFrames(effects, { store: served.vault.store.position, replica })
  }
}

/** The number of a request that is not in order otherwise. */
function idOf(message: Uint8Array): number | undefined {
  let value: CborValue
  try {
    value = decodeCbor(message)
  } catch {
    return undefined
  }
  const id = typeof value === 'object' && value !== null ? (value as { readonly id?: CborValue }).id : undefined
  return typeof id === 'number' ? id : undefined
}
