/**
 * Two byte streams over calls that take and give pieces: what is written waits until the call before it returns, so
 * everything that came meanwhile goes into the next one and is committed together (docs/protocol/10-tee-abi.md §10.4).
 *
 * @module
 */
import { TeeError } from '../../src/errors.ts'
import type { TaListener, TaStream } from '../../src/stream-tee.ts'
import { FLAG, MAX_INPUT_BYTES, type TaSession } from './session.ts'

/** How soon to call again when something is due although nothing was written. */
const TICK_MS = 100
/** Of one call: smaller than it could be, because the trusted application copies it while it has the message before. */
const PIECE_BYTES = MAX_INPUT_BYTES / 16
/** After so much input in pieces, the next piece is one after which it commits: answers wait in secure memory. */
const MAX_ROUND_BYTES = 2 * MAX_INPUT_BYTES

export interface PumpOptions {
  /** Ends the calls that wait, by force. */
  readonly kill: () => void
  readonly onDiagnostic?: (line: string) => void
}

/** @param session started. */
export function pumpSession(session: TaSession, listener: TaListener, options: PumpOptions): TaStream {
  return new Pump(session, listener, options)
}

class Pump implements TaStream {
  readonly #session: TaSession
  readonly #listener: TaListener
  readonly #options: PumpOptions
  readonly #queue: Uint8Array[] = []
  #isEnding = false
  #wake: (() => void) | undefined

  constructor(session: TaSession, listener: TaListener, options: PumpOptions) {
    this.#session = session
    this.#listener = listener
    this.#options = options
    void session.lost.then(() => this.end(false))
    void this.#run()
  }

  write(parts: readonly Uint8Array[]): void {
    this.#queue.push(...parts)
    this.#wake?.()
  }

  end(force: boolean): void {
    this.#isEnding = true
    this.#wake?.()
    if (force) this.#options.kill()
  }

  async #run(): Promise<void> {
    try {
      await this.#exchangeUntilEnd()
    } catch (error) {
      const { code, message } = error instanceof TeeError ? error : { code: 'TEE_FAULT', message: '' }
      this.#options.onDiagnostic?.(`${code} ${message}`)
    }
    await this.#session.close()
    this.#listener.onEnded()
  }

  async #exchangeUntilEnd(): Promise<void> {
    let flags = 0
    let roundBytes = 0
    while (!this.#isEnding) {
      if (this.#queue.length === 0 && (flags & FLAG.more) === 0) await this.#something((flags & FLAG.due) !== 0)
      if (this.#isEnding) return
      const input = this.#take()
      roundBytes += input.length
      const hasMore = this.#queue.length > 0 && roundBytes < MAX_ROUND_BYTES
      if (!hasMore) roundBytes = 0
      const answer = await this.#session.exchange(input, hasMore)
      flags = answer.flags
      if (answer.output.length > 0) this.#listener.onData(answer.output)
      if ((flags & FLAG.ended) !== 0 && (flags & FLAG.more) === 0) return
    }
  }

  /** Until something is written, it ends, or what is due is due. */
  async #something(isDue: boolean): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (isDue) timer = setTimeout(resolve, TICK_MS)
    })
    clearTimeout(timer)
    this.#wake = undefined
  }

  /** What waits, up to the size of one piece. */
  #take(): Uint8Array {
    const pieces: Uint8Array[] = []
    let room = PIECE_BYTES
    while (room > 0) {
      const [first] = this.#queue
      if (first === undefined) break
      if (first.length <= room) this.#queue.shift()
      else this.#queue[0] = first.subarray(room)
      pieces.push(first.subarray(0, room))
      room -= Math.min(room, first.length)
    }
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces)
  }
}
