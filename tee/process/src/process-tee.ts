/**
 * The driver of the `process` TEE: the trusted application in an operating system process of its own. It is a
 * simulation: the machine's administrator can read that process's memory, and its evidence says so.
 *
 * Frames go over the process's standard input and output, many requests at once. When it ends, what was in flight is
 * answered `TEE_RESTARTED` and it is started again after a growing, jittered pause.
 * Spec: docs/protocol/10-tee-abi.md §10.1, §10.6.
 *
 * @module
 */
import type { ErrorCode } from '../../../shared/protocol/src/error-table.ts'
import { ERROR_TABLE } from '../../../shared/protocol/src/error-table.ts'
import {
  decodeOutcome,
  decodeTaMessage,
  encodeRequest,
  FrameReader,
  frameHeader,
  type AbiAnswer,
  type AbiOpName,
  type AbiRequest,
  type Effect,
  type TaMessage,
} from '../../../shared/tee-abi/src/index.ts'
import type { TeeDriver, TeeDriverState } from '../../src/driver.ts'
import { TeeError } from '../../src/errors.ts'
import type { InsecureConfinement } from './isolation.ts'
import { prepareLaunch, type Launcher, type TaProcess } from './launch.ts'
import { readMeasured, type NativePackage } from './measurement.ts'

export interface ProcessTeeOptions {
  /** The bundle, `dist/ta/trusted-application.mjs`. */
  readonly taPath: string
  /** SHA-256 of the bundle, lower-case hex: from the release or the ledger, not from the file itself. */
  readonly expectedMeasurement: string
  /** Made if it does not exist. The trusted application sees its subfolder `data` only. */
  readonly storeFolder: string
  readonly nativePackages?: readonly NativePackage[]
  /** Less than the strongest confinement that works; the evidence will say so. */
  readonly insecureConfinement?: InsecureConfinement
  /** More arguments of the trusted application, such as `--cache-kib=…`. */
  readonly taArguments?: readonly string[]
  /** Requests that may wait for an answer, and their bytes. */
  readonly maxOutstanding?: number
  readonly maxOutstandingBytes?: number
  readonly restart?: Partial<RestartPolicy>
  /** How long `close` waits after `stop`, and again after SIGTERM. */
  readonly stopGraceMs?: number
  /** What the process wrote to standard error, line by line, cut to 500 characters; for the operator's log. */
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

/**
 * Starts the trusted application; resolves when its process runs and has answered its first `status`.
 * @throws {TeeError} `TEE_MEASUREMENT`; `SERVER_UNAVAILABLE` or its own reason if it ends at once.
 */
export async function startProcessTee(options: ProcessTeeOptions): Promise<TeeDriver> {
  const bundle = readMeasured(options.taPath, options.expectedMeasurement)
  const launcher = await prepareLaunch({
    bundle,
    storeFolder: options.storeFolder,
    nativePackages: options.nativePackages ?? [],
    taArguments: options.taArguments ?? [],
    ...(options.insecureConfinement === undefined ? {} : { insecureConfinement: options.insecureConfinement }),
  })
  const tee = new ProcessTee(launcher, options)
  try {
    await tee.request('status', {})
  } catch (error) {
    await tee.close()
    throw tee.failure === undefined ? error : new TeeError(tee.failure, undefined, { cause: error })
  }
  return tee
}

class ProcessTee implements TeeDriver {
  readonly kind = 'process'
  readonly isolation: readonly string[]
  readonly #launcher: Launcher
  readonly #options: ProcessTeeOptions
  readonly #policy: RestartPolicy
  readonly #maxOutstanding: number
  readonly #maxOutstandingBytes: number
  readonly #waiting = new Map<number, Waiting>()
  #waitingBytes = 0
  #lastId = 0
  #child: TaProcess | undefined
  #startedMs = 0
  #pauseMs: number
  #timer: NodeJS.Timeout | undefined
  #state: TeeDriverState = 'starting'
  #failure: ErrorCode | undefined
  #restarts = 0
  #isCorked = false
  #onEffect: ((effect: Effect) => void) | undefined
  /** Effects of this run that came before there was a listener. */
  #early: Effect[] = []
  #onRestart: () => void = () => {}
  #onExit: () => void = () => {}

  constructor(launcher: Launcher, options: ProcessTeeOptions) {
    this.#launcher = launcher
    this.#options = options
    this.#policy = { ...RESTART, ...options.restart }
    this.#pauseMs = this.#policy.firstPauseMs
    this.#maxOutstanding = options.maxOutstanding ?? 4_096
    this.#maxOutstandingBytes = options.maxOutstandingBytes ?? 128 * 1024 * 1024
    this.isolation = launcher.isolation
    this.#start()
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
      const child = this.#child
      if (child === undefined || this.#state !== 'running') {
        throw new TeeError(this.#failure ?? (this.#state === 'closed' ? 'SERVER_STOPPING' : 'SERVER_UNAVAILABLE'))
      }
      if (this.#waiting.size >= this.#maxOutstanding) throw new TeeError('TEE_BUSY')
      const id = ++this.#lastId
      const message = encodeRequest<O>({ ...request, id, op })
      if (this.#waitingBytes + message.length > this.#maxOutstandingBytes) throw new TeeError('TEE_BUSY')
      this.#waitingBytes += message.length
      this.#waiting.set(id, { op, bytes: message.length, resolve: resolve as (answer: unknown) => void, reject })
      this.#write(child, message)
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
    const child = this.#child
    if (child === undefined) {
      this.#state = 'closed'
      return
    }
    const graceMs = this.#options.stopGraceMs ?? 5_000
    const exited = new Promise<void>((resolve) => (this.#onExit = resolve))
    // Its answer is that it ends; a refusal or a crash comes to the same.
    if (this.#state === 'running') void this.request('stop', {}).catch(() => undefined)
    this.#state = 'closed'
    if (await isWithin(exited, graceMs)) return
    child.kill('SIGTERM')
    if (await isWithin(exited, graceMs)) return
    child.kill('SIGKILL')
    await exited
  }

  #start(): void {
    const child = this.#launcher.start()
    this.#child = child
    this.#state = 'running'
    this.#startedMs = performance.now()
    const reader = new FrameReader()
    child.stdout.on('data', (chunk: Uint8Array) => {
      if (this.#child === child) this.#read(child, reader, chunk)
    })
    // A process that ended cannot be written to; its end is told by `close`.
    child.stdin.on('error', () => undefined)
    child.on('error', () => undefined)
    forwardLines(child, this.#options.onDiagnostic)
    child.once('close', () => this.#ended(child))
  }

  #read(child: TaProcess, reader: FrameReader, chunk: Uint8Array): void {
    try {
      for (const message of reader.push(chunk)) this.#take(decodeTaMessage(message))
    } catch (error) {
      // Not the trusted application we know: nothing it says is worth reading on.
      this.#options.onDiagnostic?.((error as { code?: string }).code ?? 'TEE_FRAME_INVALID')
      child.kill('SIGKILL')
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

  #ended(child: TaProcess): void {
    if (this.#child !== child) return
    this.#child = undefined
    this.#early = []
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#waitingBytes = 0
    const code = this.#failure ?? (this.#state === 'closed' ? 'SERVER_STOPPING' : 'TEE_RESTARTED')
    for (const { reject } of waiting) reject(new TeeError(code))
    this.#onExit()
    if (this.#state === 'closed') return
    this.#state = this.#failure === undefined ? 'starting' : 'failed'
    if (this.#state === 'starting') this.#startLater()
  }

  #startLater(): void {
    const { firstPauseMs, longestPauseMs, steadyMs, random } = this.#policy
    if (performance.now() - this.#startedMs >= steadyMs) this.#pauseMs = firstPauseMs
    const pauseMs = this.#pauseMs * (0.5 + random() / 2)
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2)
    this.#timer = setTimeout(() => {
      this.#restarts++
      try {
        this.#start()
      } catch (error) {
        this.#failure = error instanceof TeeError ? error.code : 'TEE_FAULT'
        this.#state = 'failed'
        return
      }
      this.#onRestart()
    }, pauseMs)
  }

  /** Requests of one turn of the event loop leave in one write. */
  #write(child: TaProcess, message: Uint8Array): void {
    if (!this.#isCorked) {
      this.#isCorked = true
      child.stdin.cork()
      process.nextTick(() => {
        this.#isCorked = false
        child.stdin.uncork()
      })
    }
    child.stdin.write(frameHeader(message.length))
    child.stdin.write(message)
  }
}

const MAX_LINE = 500

function forwardLines(child: TaProcess, onDiagnostic: ((line: string) => void) | undefined): void {
  let rest = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (onDiagnostic === undefined) return
    const lines = (rest + text).split('\n')
    rest = (lines.pop() ?? '').slice(0, MAX_LINE)
    for (const line of lines) onDiagnostic(line.slice(0, MAX_LINE))
  })
  child.once('close', () => {
    if (rest !== '') onDiagnostic?.(rest)
  })
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
