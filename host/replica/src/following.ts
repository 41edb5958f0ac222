/**
 * Lets the trusted application of this host follow another one: carries its questions to the other host and the answers
 * back, fetches a copy of the store when one is needed, and begins anew after whatever goes wrong, with growing pauses.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadableStream } from 'node:stream/web'
import { label } from '../../../shared/crypto/src/index.ts'
import { isErrorCode, ProtocolError, type ErrorCode } from '../../../shared/protocol/src/index.ts'
import type { TeeDriver } from '../../../tee/src/driver.ts'
import { receiveCopy } from './copy.ts'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** The other side answers within five seconds, if only that there is nothing. */
const ANSWER_MS = 20_000

export interface FollowingOptions {
  readonly tee: TeeDriver
  /** Of the record server that is followed. */
  readonly url: string
  readonly token: string
  /** Of this trusted application. */
  readonly dataFolder: string
  /** For the operator's log. */
  readonly onTrouble?: (code: ErrorCode) => void
}

export interface FollowingStatus {
  /** `waiting`: there is nothing to follow with, or not any more. */
  readonly step: 'waiting' | 'joining' | 'copying' | 'following'
  /** Copies that were fetched since the start. */
  readonly copies: number
  /** Why it began anew, last. */
  readonly trouble?: ErrorCode
}

export interface Following {
  readonly status: FollowingStatus
  close(): Promise<void>
}

export function startFollowing(options: FollowingOptions): Following {
  const follower = new Follower(options)
  return {
    get status() {
      return follower.status
    },
    close: () => follower.close(),
  }
}

class Follower {
  readonly #options: FollowingOptions
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  #step: FollowingStatus['step'] = 'waiting'
  #copies = 0
  #trouble: ErrorCode | undefined
  #needsCopy = false
  #pauseMs = FIRST_PAUSE_MS

  constructor(options: FollowingOptions) {
    this.#options = options
    this.#done = this.#run()
  }

  get status(): FollowingStatus {
    const trouble = this.#trouble
    return { step: this.#step, copies: this.#copies, ...(trouble === undefined ? {} : { trouble }) }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        if (await this.#isFollower()) await this.#follow()
      } catch (error) {
        this.#note(error)
      }
      this.#step = 'waiting'
      await this.#pause()
    }
  }

  /** Whether there is a trusted application here that may follow; it is told whom, as the other one was configured. */
  async #isFollower(): Promise<boolean> {
    const { tee } = this.#options
    if (tee.state !== 'running') return false
    const { state, configDigest } = await tee.request('status', {})
    if (state !== 'new' && state !== 'following') return false
    const config = await this.#fetch('configuration')
    const digest = configurationDigest(config)
    if (configDigest === undefined || Buffer.compare(configDigest, digest) !== 0) {
      await tee.request('follow-prepare', { config })
    }
    return true
  }

  /** Until something goes wrong. */
  async #follow(): Promise<void> {
    this.#step = 'joining'
    let request = await this.#join()
    // What is here is kept until the new copy is: the server may be gone for good meanwhile.
    if (request === undefined || this.#needsCopy) {
      await this.#openCopy()
      request = await this.#join()
    }
    this.#step = 'following'
    while (request !== undefined && !this.#stop.signal.aborted) {
      const record = await this.#post('record', request)
      request = (await this.#options.tee.request('follow-record', { record })).record
      this.#pauseMs = FIRST_PAUSE_MS
    }
  }

  /** @returns the first question; undefined if there is no copy of the store. */
  async #join(): Promise<Uint8Array | undefined> {
    const { tee } = this.#options
    const { hello } = await tee.request('follow-hello', {})
    const { finish } = await tee.request('follow-reply', { reply: await this.#post('hello', hello) })
    const { record } = await tee.request('follow-record', { record: await this.#post('finish', finish) })
    if (record === undefined) return undefined
    return (await tee.request('follow-record', { record: await this.#post('record', record) })).record
  }

  /** What is here is tried first: a replica that was stopped for a moment lacks little. */
  async #openCopy(): Promise<void> {
    const { tee, dataFolder } = this.#options
    if (!this.#needsCopy && existsSync(join(dataFolder, 'store.db'))) {
      try {
        await tee.request('follow-open', {})
        return
      } catch (error) {
        // The empty store of the first start, or one that was damaged.
        if (codeOf(error) === 'TEE_RESTARTED') throw error
      }
    }
    this.#step = 'copying'
    const answer = await this.#get('copy')
    if (answer.body === null) throw new ProtocolError('SERVER_UNAVAILABLE', 'no copy')
    const copy = Readable.fromWeb(answer.body as ReadableStream<Uint8Array>)
    await receiveCopy(copy, dataFolder, () => tee.request('follow-close', {}))
    this.#copies++
    this.#needsCopy = false
    await tee.request('follow-open', {})
  }

  async #fetch(what: 'configuration'): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#get(what)).arrayBuffer())
  }

  async #get(what: 'configuration' | 'copy'): Promise<Response> {
    let answer: Response
    try {
      answer = await fetch(`${this.#options.url}/v1/replica/${what}`, {
        headers: { authorization: `Bearer ${this.#options.token}` },
        signal: this.#stop.signal,
      })
    } catch (cause) {
      throw new ProtocolError('SERVER_UNAVAILABLE', 'the record server does not answer', { cause })
    }
    if (!answer.ok) throw new ProtocolError(codeIn(await answer.text()), 'refused')
    return answer
  }

  async #post(what: 'hello' | 'finish' | 'record', message: Uint8Array): Promise<Uint8Array> {
    let status: number
    let body: ArrayBuffer
    try {
      const answer = await fetch(`${this.#options.url}/v1/replica/${what}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#options.token}`, 'content-type': 'application/octet-stream' },
        body: new Uint8Array(message),
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ANSWER_MS)]),
      })
      status = answer.status
      body = await answer.arrayBuffer()
    } catch (cause) {
      throw new ProtocolError('SERVER_UNAVAILABLE', 'the record server does not answer', { cause })
    }
    if (status !== 200) throw new ProtocolError(codeIn(new TextDecoder().decode(body)), 'refused')
    return new Uint8Array(body)
  }

  #note(error: unknown): void {
    if (this.#stop.signal.aborted) return
    const code = codeOf(error)
    if (code === 'REPLICA_BEHIND') this.#needsCopy = true
    if (code !== this.#trouble) this.#options.onTrouble?.(code)
    this.#trouble = code
  }

  async #pause(): Promise<void> {
    const ms = this.#needsCopy ? FIRST_PAUSE_MS : this.#pauseMs
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2)
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}

/** As the trusted application tells it. */
function configurationDigest(config: Uint8Array): Uint8Array {
  return createHash('sha256').update(label('config')).update(config).digest()
}

function codeOf(error: unknown): ErrorCode {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return isErrorCode(code) ? code : 'SERVICE_FAULT'
}

function codeIn(answer: string): ErrorCode {
  try {
    const { code } = JSON.parse(answer) as { readonly code?: unknown }
    return isErrorCode(code) ? code : 'SERVER_UNAVAILABLE'
  } catch {
    return 'SERVER_UNAVAILABLE'
  }
}
