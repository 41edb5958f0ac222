/**
 * The real trusted application in the test's own process: the code of secure/core with the adapters of the process TEE,
 * driven as its own program drives it. Fast, and its clock can be moved; it protects nothing.
 *
 * @module
 */
import { join } from 'node:path'
import { setImmediate } from 'node:timers'
import { createProcessEvidence, openDeviceKeyFile } from '../../../secure/adapters/node-process/src/index.ts'
import { createSqlCipherPort } from '../../../secure/adapters/sqlcipher/src/index.ts'
import {
  createTrustedApplication,
  type ClockPort,
  type DatabasePort,
  type EvidencePort,
  type TrustedApplication,
} from '../../../secure/core/src/index.ts'
import type { Limits } from '../../../secure/core/src/limits.ts'
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import { ERROR_TABLE, type ErrorCode } from '../../../shared/protocol/src/error-table.ts'
import {
  decodeOutcome,
  decodeTaMessage,
  encodeRequest,
  FrameReader,
  type AbiAnswer,
  type AbiOpName,
  type AbiRequest,
  type Effect,
} from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver, TeeDriverState } from '../../../tee/src/driver.ts'
import { TeeError } from '../../../tee/src/errors.ts'

export const TA_ID = 'trusthealth-ta'
/** What the tests register as the program's measurement. */
export const INSECURE_MEASUREMENT = new Uint8Array(32).fill(0x5a)
const ROUND_MS = 50

export interface InProcessTeeOptions {
  readonly crypto: Crypto
  readonly clock: ClockPort
  /** Its `data` has the database, as with the process TEE. */
  readonly storeFolder: string
  /** Another one stands for another program. */
  readonly measurement?: Uint8Array
  readonly database?: (port: DatabasePort) => DatabasePort
  /** Default: a process's. */
  readonly limits?: Limits
  /** Puts another platform's evidence in the place of this one's. */
  readonly evidence?: (port: EvidencePort) => EvidencePort
  /** Every frame between the worlds, for tests that search them. */
  readonly onFrame?: (frame: Uint8Array) => void
}

interface Waiting {
  readonly op: AbiOpName
  readonly resolve: (answer: never) => void
  readonly reject: (error: TeeError) => void
}

export class InProcessTee implements TeeDriver {
  readonly kind = 'process'
  readonly isolation: readonly string[] = []
  readonly restarts = 0
  /** 65 bytes: the key that signs its evidence. */
  readonly attestationKey: Uint8Array
  readonly #app: TrustedApplication
  readonly #waiting = new Map<number, Waiting>()
  readonly #reader = new FrameReader()
  readonly #timer: NodeJS.Timeout
  readonly #onFrame: (frame: Uint8Array) => void
  #databases: (() => void)[] = []
  #lastId = 0
  #isRoundPlanned = false
  #state: TeeDriverState = 'running'
  #failure: ErrorCode | undefined
  #onEffect: (effect: Effect) => void = () => {}

  constructor(options: InProcessTeeOptions) {
    const { crypto, clock, storeFolder, measurement = INSECURE_MEASUREMENT } = options
    this.#onFrame = options.onFrame ?? (() => {})
    const deviceKey = openDeviceKeyFile(crypto, { path: join(storeFolder, 'data', 'device.key'), taId: TA_ID })
    const evidence = createProcessEvidence(crypto, deviceKey, {
      measurement,
      runtime: new Uint8Array(32),
      isolation: [],
    })
    this.attestationKey = evidence.attestationKey
    const database = this.#closable(createSqlCipherPort({ folder: join(storeFolder, 'data') }))
    this.#app = createTrustedApplication(
      {
        crypto,
        clock,
        deviceKey,
        evidence: options.evidence?.(evidence) ?? evidence,
        database: options.database?.(database) ?? database,
      },
      {
        measurement,
        isolation: [],
        taId: TA_ID,
        ...(options.limits === undefined ? {} : { limits: options.limits }),
      },
    )
    // As the program does: a round without a message while something is due.
    this.#timer = setInterval(() => {
      if (this.#app.isDue) this.#round()
    }, ROUND_MS)
    this.#planRound()
  }

  get state(): TeeDriverState {
    return this.#state
  }
  get failure(): ErrorCode | undefined {
    return this.#failure
  }
  get outstanding(): number {
    return this.#waiting.size
  }

  request<O extends AbiOpName>(op: O, request: AbiRequest<O>): Promise<AbiAnswer<O>> {
    return new Promise((resolve, reject) => {
      if (this.#state !== 'running') {
        throw new TeeError(this.#failure ?? (this.#state === 'closed' ? 'SERVER_STOPPING' : 'SERVER_UNAVAILABLE'))
      }
      const id = ++this.#lastId
      const message = encodeRequest<O>({ ...request, id, op })
      this.#waiting.set(id, { op, resolve, reject })
      this.#onFrame(message)
      this.#app.handle(message)
      this.#planRound()
    })
  }

  onEffect(listener: (effect: Effect) => void): void {
    this.#onEffect = listener
  }

  onRestart(): void {
    // It is never started again by itself.
  }

  async close(): Promise<void> {
    if (this.#state === 'running') await this.request('stop', {}).catch(() => undefined)
    this.#end('closed')
  }

  /** Ends it between two rounds without a word: what it has not written is lost, as with kill -9. */
  kill(): void {
    this.#end('closed')
  }

  #planRound(): void {
    if (this.#isRoundPlanned) return
    this.#isRoundPlanned = true
    setImmediate(() => {
      this.#isRoundPlanned = false
      this.#round()
    })
  }

  #round(): void {
    if (this.#state !== 'running') return
    for (const frame of this.#app.commit()) {
      this.#onFrame(frame)
      for (const message of this.#reader.push(frame)) this.#take(message)
    }
    if (this.#app.state === 'stopped' && this.#state === 'running')
      this.#end(this.#failure === undefined ? 'closed' : 'failed')
  }

  #take(message: Uint8Array): void {
    const taken = decodeTaMessage(message)
    if (taken.kind === 'effect') {
      if (taken.effect.fx === 'fatal' && ERROR_TABLE[taken.effect.code].kind === 'check')
        this.#failure = taken.effect.code
      else if (taken.effect.fx === 'fatal') this.#failure ??= taken.effect.code
      this.#onEffect(taken.effect)
      return
    }
    const waiting = this.#waiting.get(taken.id)
    if (waiting === undefined) return
    this.#waiting.delete(taken.id)
    const outcome = decodeOutcome(waiting.op, taken.body)
    if (outcome.ok) waiting.resolve(outcome.answer as never)
    else waiting.reject(new TeeError(outcome.code))
  }

  #end(state: TeeDriverState): void {
    if (this.#state === 'closed' || this.#state === 'failed') return
    this.#state = state
    clearInterval(this.#timer)
    for (const close of this.#databases) close()
    this.#databases = []
    const code = this.#failure ?? 'TEE_RESTARTED'
    for (const { reject } of this.#waiting.values()) reject(new TeeError(code))
    this.#waiting.clear()
  }

  /** Remembers what is open, so that `kill` can let go of the files. */
  #closable(port: DatabasePort): DatabasePort {
    return {
      ...port,
      open: (name, key) => {
        const database = port.open(name, key)
        let isOpen = true
        const close = (): void => {
          if (isOpen) database.close()
          isOpen = false
        }
        this.#databases.push(close)
        return { ...database, close }
      },
    }
  }
}
