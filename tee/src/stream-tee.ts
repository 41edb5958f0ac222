/**
 * A trusted application behind two byte streams, as every driver here has it: requests with answers, effects, restarts.
 * What runs it is a `TaLauncher`; a driver of one TEE kind is that and little more.
 *
 * When the streams end, what was in flight is answered `TEE_RESTARTED` and it is started again after a growing, jittered
 * pause. Spec: docs/protocol/10-tee-abi.md §10.1, §10.6.
 *
 * @module
 */
import type { ErrorCode } from '../../shared/protocol/src/error-table.ts'
import { ERROR_TABLE } from '../../shared/protocol/src/error-table.ts'
import {
  decodeOutcome,
  decodeTaMessage,
  encodeRequestParts,
  FrameReader,
  frameHeader,
  MAX_FRAME_BYTES,
  type AbiAnswer,
  type AbiOpName,
  type AbiRequest,
  type Effect,
  type TaMessage,
} from '../../shared/tee-abi/src/index.ts'
import type { TeeDriver, TeeDriverState } from './driver.ts'
import { TeeError } from './errors.ts'

/** What a running trusted application tells its driver. Nothing comes after `ended`. */
export interface TaListener {
  /** Bytes of its stream, cut anywhere. */
  onData(chunk: Uint8Array): void
  /** Once. */
  onEnded(): void
}

/** A trusted application that runs. */
export interface TaStream {
  /** Bytes of the stream to it, in this order; lost if it has ended. Those of one turn of the event loop go together. */
  write(parts: readonly Uint8Array[]): void
  /** Makes it end if asking did not help; the second time with force. */
  end(force: boolean): void
}

/** Starts a trusted application, as often as it ends. */
export interface TaLauncher {
  readonly kind: string
  readonly isolation: readonly string[]
  /**
   * Resolves when it takes bytes. A `TeeError` whose code is not of the kind `check` is tried again, any other is final.
   * @throws {TeeError}
   */
  start(listener: TaListener): TaStream | Promise<TaStream>
  /** Nothing will be started any more. */
  close?(): Promise<void>
}

export interface StreamTeeOptions {
  /** Requests that may wait for an answer, and their bytes. */
  readonly maxOutstanding?: number
  readonly maxOutstandingBytes?: number
  /** The largest message that the trusted application takes, if that is less than the largest frame. */
  readonly maxMessageBytes?: number
  readonly restart?: Partial<RestartPolicy>
  /** How long `close` waits after `stop`, and again after ending it without force. */
  readonly stopGraceMs?: number
  /** What the trusted application's platform wrote for the operator, line by line, without content. */
  readonly onDiagnostic?: (line: string) => void
}

export interface RestartPolicy {
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  /** After running this long, the next pause is the first one again. */
  readonly steadyMs: number
  /** 0 to 1. */
  readonly random: () => number
}

/** A trusted application has few things to ask before anybody listens. */
const MAX_EARLY_EFFECTS = 1_024

const RESTART: RestartPolicy = {
  firstPauseMs: 200,
  longestPauseMs: 30_000,
  steadyMs: 60_000,
  random: Math.random,
}

interface Waiting {
  readonly op: AbiOpName
  readonly bytes: number
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: TeeError) => void
}

/** @throws {TeeError} why it does not start, or its own reason if it ends at once. */
export async function startStreamTee(launcher: TaLauncher, options: StreamTeeOptions): Promise<TeeDriver> {
  const tee = new StreamTee(launcher, options)
  try {
    await tee.start()
    await tee.request('status', {})
  } catch (error) {
    await tee.close()
    throw tee.failure === undefined ? error : new TeeError(tee.failure, undefined, { cause: error })
  }
  return tee
}

class StreamTee implements TeeDriver {
  readonly kind: string
  readonly isolation: readonly string[]
  readonly #launcher: TaLauncher
  readonly #options: StreamTeeOptions
  readonly #policy: RestartPolicy
  readonly #maxOutstanding: number
  readonly #maxOutstandingBytes: number
  readonly #maxMessageBytes: number
  readonly #waiting = new Map<number, Waiting>()
  #waitingBytes = 0
  #lastId = 0
  #stream: TaStream | undefined
  #startedMs = 0
  #pauseMs: number
  #timer: NodeJS.Timeout | undefined
  #state: TeeDriverState = 'starting'
  #failure: ErrorCode | undefined
  #restarts = 0
  #onEffect: ((effect: Effect) => void) | undefined
  /** Effects of this run that came before there was a listener. */
  #early: Effect[] = []
  #onRestart: () => void = () => {}
  #onEnded: () => void = () => {}

  constructor(launcher: TaLauncher, options: StreamTeeOptions) {
    this.kind = launcher.kind
    this.isolation = launcher.isolation
    this.#launcher = launcher
    this.#options = options
    this.#policy = { ...RESTART, ...options.restart }
    this.#pauseMs = this.#policy.firstPauseMs
    this.#maxOutstanding = options.maxOutstanding ?? 4_096
    this.#maxOutstandingBytes = options.maxOutstandingBytes ?? 128 * 1024 * 1024
    this.#maxMessageBytes = options.maxMessageBytes ?? MAX_FRAME_BYTES
  }

  get state(): TeeDriverState {
    return this.#state
  }
  get failure(): ErrorCode | undefined {
    return this.#failure
  }
  get restarts(): number {
    return this.#restarts
  }
  get outstanding(): number {
    return this.#waiting.size
  }

  request<O extends AbiOpName>(op: O, request: AbiRequest<O>): Promise<AbiAnswer<O>> {
    return new Promise((resolve, reject) => {
      const stream = this.#stream
      if (stream === undefined || this.#state !== 'running') {
        throw new TeeError(this.#failure ?? (this.#state === 'closed' ? 'SERVER_STOPPING' : 'SERVER_UNAVAILABLE'))
      }
      if (this.#waiting.size >= this.#maxOutstanding) throw new TeeError('TEE_BUSY')
      const id = ++this.#lastId
      const parts = encodeRequestParts<O>({ ...request, id, op })
      const bytes = parts.reduce((sum, part) => sum + part.length, 0)
      if (bytes > this.#maxMessageBytes) throw new TeeError('RECORD_TOO_LARGE')
      if (this.#waitingBytes + bytes > this.#maxOutstandingBytes) throw new TeeError('TEE_BUSY')
      this.#waitingBytes += bytes
      this.#waiting.set(id, { op, bytes, resolve: resolve as (answer: unknown) => void, reject })
      stream.write([frameHeader(bytes), ...parts])
    })
  }

  onEffect(listener: (effect: Effect) => void): void {
    this.#onEffect = listener
    for (const effect of this.#early.splice(0)) listener(effect)
  }

  onRestart(listener: () => void): void {
    this.#onRestart = listener
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    clearTimeout(this.#timer)
    const stream = this.#stream
    const graceMs = this.#options.stopGraceMs ?? 5_000
    const ended = new Promise<void>((resolve) => (this.#onEnded = resolve))
    // Its answer is that it ends; a refusal or a crash comes to the same.
    if (this.#state === 'running') void this.request('stop', {}).catch(() => undefined)
    this.#state = 'closed'
    if (stream !== undefined && !(await isWithin(ended, graceMs))) {
      stream.end(false)
      if (!(await isWithin(ended, graceMs))) {
        stream.end(true)
        await ended
      }
    }
    await this.#launcher.close?.()
  }

  /** Starts it. @throws {TeeError} */
  async start(): Promise<void> {
    const reader = new FrameReader()
    let hasEnded = false
    let stream: TaStream | undefined
    const isCurrent = () => !hasEnded && (stream === undefined || this.#stream === stream)
    stream = await this.#launcher.start({
      onData: (chunk) => {
        if (isCurrent()) this.#read(() => stream?.end(true), reader, chunk)
      },
      onEnded: () => {
        hasEnded = true
        if (stream !== undefined && this.#stream === stream) this.#ended()
      },
    })
    this.#startedMs = performance.now()
    if (this.#state === 'closed') {
      stream.end(true)
      return
    }
    this.#stream = stream
    this.#state = 'running'
    if (hasEnded) this.#ended()
  }

  #read(end: () => void, reader: FrameReader, chunk: Uint8Array): void {
    try {
      for (const message of reader.push(chunk)) this.#take(decodeTaMessage(message))
    } catch (error) {
      // Not the trusted application we know: nothing it says is worth reading on.
      this.#options.onDiagnostic?.((error as { code?: string }).code ?? 'TEE_FRAME_INVALID')
      end()
    }
  }

  #take(message: TaMessage): void {
    if (message.kind === 'effect') {
      if (message.effect.fx === 'fatal') this.#stopped(message.effect.code)
      if (this.#onEffect !== undefined) this.#onEffect(message.effect)
      else if (this.#early.length < MAX_EARLY_EFFECTS) this.#early.push(message.effect)
      return
    }
    const waiting = this.#waiting.get(message.id)
    if (waiting === undefined) return
    const outcome = decodeOutcome(waiting.op, message.body)
    this.#waiting.delete(message.id)
    this.#waitingBytes -= waiting.bytes
    if (outcome.ok) waiting.resolve(outcome.answer)
    else waiting.reject(new TeeError(outcome.code))
  }

  /** What a restart cannot mend stays as it is until a person has looked at it. */
  #stopped(code: ErrorCode): void {
    if (ERROR_TABLE[code].kind === 'check') this.#failure = code
  }

  #ended(): void {
    this.#stream = undefined
    this.#early = []
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#waitingBytes = 0
    const code = this.#failure ?? (this.#state === 'closed' ? 'SERVER_STOPPING' : 'TEE_RESTARTED')
    for (const { reject } of waiting) reject(new TeeError(code))
    this.#onEnded()
    if (this.#state === 'closed') return
    this.#state = this.#failure === undefined ? 'starting' : 'failed'
    if (this.#state === 'starting') this.#startLater()
  }

  #startLater(): void {
    const { firstPauseMs, longestPauseMs, steadyMs, random } = this.#policy
    if (performance.now() - this.#startedMs >= steadyMs) this.#pauseMs = firstPauseMs
    const pauseMs = this.#pauseMs * (0.5 + random() / 2)
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2)
    this.#timer = setTimeout(() => void this.#startAgain(), pauseMs)
  }

  async #startAgain(): Promise<void> {
    this.#restarts++
    try {
      await this.start()
    } catch (error) {
      if (this.#state === 'closed') return
      if (error instanceof TeeError && ERROR_TABLE[error.code].kind !== 'check') {
        this.#startLater()
        return
      }
      this.#failure = error instanceof TeeError ? error.code : 'TEE_FAULT'
      this.#state = 'failed'
      return
    }
    if (this.#state === 'running') this.#onRestart()
  }
}

async function isWithin(done: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)))
  try {
    return await Promise.race([done.then(() => true as const), late])
  } finally {
    clearTimeout(timer)
  }
}
