/**
 * Keeps one program running: starts it, waits until it says that it is ready, starts it again with growing pauses when
 * it ends, and stops it gracefully. A program says it is ready with a line of JSON that has its `url`; everything else
 * it prints goes to its log.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { CommandError } from '../command-error.ts'

export interface Program {
  /** `ledger`, `record-server`, or the slug of a hospital. */
  readonly name: string
  /** For people: "The shared ledger". */
  readonly title: string
  /** Path of its entry point. */
  readonly script: string
  readonly args: readonly string[]
  readonly log: string
  /** How long it may take until it is ready, and until it has stopped; default 30 s and 12 s. */
  readonly readyMs?: number
  readonly stopMs?: number
}

export type RunnerState = 'starting' | 'running' | 'stopped'

export interface RunnerOptions {
  /** False: when it ends it stays down, and `onDown` is told. */
  readonly restart: boolean
  readonly onChange: () => void
  readonly onDown: (program: Program, reason: string) => void
  readonly readyMs?: number
  readonly firstPauseMs?: number
}

const READY_MS = 30_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 15_000
/** After running this long, the next pause is the first one again. */
const STEADY_MS = 30_000
const STOP_MS = 12_000
const MAX_LOG_BYTES = 8 * 2 ** 20
const TAIL_BYTES = 2_000

export class ProgramRunner {
  readonly program: Program
  readonly #options: RunnerOptions
  #child: ChildProcess | undefined
  #state: RunnerState = 'stopped'
  #url: string | undefined
  #restarts = 0
  #startedMs = 0
  #pauseMs: number
  #timer: NodeJS.Timeout | undefined
  #isStopping = false

  constructor(program: Program, options: RunnerOptions) {
    this.program = program
    this.#options = options
    this.#pauseMs = options.firstPauseMs ?? FIRST_PAUSE_MS
  }

  get state(): RunnerState {
    return this.#state
  }
  get url(): string | undefined {
    return this.#url
  }
  get restarts(): number {
    return this.#restarts
  }
  /** 0 while no process runs. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** @throws {CommandError} `SERVER_UNAVAILABLE` with the end of its log, if it does not become ready. */
  async start(): Promise<string> {
    this.#isStopping = false
    const failure = await this.#launch()
    if (failure === undefined && this.#url !== undefined) return this.#url
    this.#isStopping = true
    await this.stop()
    throw new CommandError('SERVER_UNAVAILABLE', {
      what: `${this.program.title} did not start.`,
      reason: failure ?? 'it did not say that it is ready',
      next: `read its log: ${this.program.log}`,
    })
  }

  /** SIGTERM, and after a while SIGKILL. */
  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === undefined) {
      this.#set('stopped')
      return
    }
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), this.program.stopMs ?? STOP_MS)
    await ended
    clearTimeout(timer)
    this.#set('stopped')
  }

  /** Resolves when it is ready (undefined) or has ended before (why). */
  #launch(): Promise<string | undefined> {
    const { script, args, log } = this.program
    this.#set('starting')
    this.#startedMs = performance.now()
    const logFile = openLog(log)
    // Its own group: Ctrl-C in the terminal reaches the starter only, which stops the programs in order.
    // A pipe as standard input: it ends when the starter is gone, whatever ended it.
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['pipe', 'pipe', logFile],
      detached: process.platform !== 'win32',
    })
    this.#child = child
    child.stdin?.on('error', () => undefined)
    const readyMs = this.#options.readyMs ?? this.program.readyMs ?? READY_MS
    let isTooSlow = false
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        isTooSlow = true
        child.kill('SIGKILL')
      }, readyMs)
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const url = this.#url === undefined || this.#state === 'starting' ? urlIn(line) : undefined
        if (url === undefined) {
          writeLog(logFile, `${line}\n`)
          return
        }
        clearTimeout(timer)
        this.#url = url
        this.#set('running')
        resolve(undefined)
      })
      child.once('error', () => undefined)
      child.once('close', (code, signal) => {
        clearTimeout(timer)
        closeSync(logFile)
        const reason = isTooSlow
          ? `it was not ready after ${readyMs / 1000} s, and was ended`
          : reasonOf(code, signal, log)
        this.#ended(child, reason)
        resolve(reason)
      })
    })
  }

  #ended(child: ChildProcess, reason: string): void {
    if (this.#child !== child) return
    this.#child = undefined
    if (this.#isStopping) {
      this.#set('stopped')
      return
    }
    const wasReady = this.#state === 'running' || this.#restarts > 0
    if (!wasReady || !this.#options.restart) {
      this.#set('stopped')
      if (wasReady) this.#options.onDown(this.program, reason)
      return
    }
    this.#set('starting')
    this.#options.onDown(this.program, reason)
    if (performance.now() - this.#startedMs >= STEADY_MS) this.#pauseMs = this.#options.firstPauseMs ?? FIRST_PAUSE_MS
    this.#timer = setTimeout(() => {
      this.#restarts++
      void this.#launch()
    }, this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
  }

  #set(state: RunnerState): void {
    this.#state = state
    this.#options.onChange()
  }
}

function urlIn(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const { url } = JSON.parse(line) as { url?: unknown }
    return typeof url === 'string' && /^(https?:\/\/|fabric:\/)/.test(url) ? url : undefined
  } catch {
    return undefined
  }
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  if (existsSync(path) && statSync(path).size > MAX_LOG_BYTES) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}

function writeLog(file: number, text: string): void {
  try {
    writeSync(file, text)
  } catch {
    // A log that cannot be written must not stop the program.
  }
}

/** With the last line of its log, when it ended by itself: programs say there why. */
function reasonOf(code: number | null, signal: NodeJS.Signals | null, log: string): string {
  if (signal !== null) return `it was ended by ${signal}`
  const tail = readFileSync(log, 'utf8').slice(-TAIL_BYTES).trim().split('\n').at(-1) ?? ''
  const end = `it ended with code ${code ?? 'unknown'}`
  return tail === '' ? end : `${end}: ${tail.slice(0, 300)}`
}
