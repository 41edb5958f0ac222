/**
 * Handshakes whose second half has not come: few, short-lived, and nobody can crowd out everybody else.
 * Spec: docs/protocol/05-sessions.md §5.8.
 *
 * @module
 */
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { ProtocolError } from '../../../../shared/protocol/src/errors.ts'
import type { HalfOpenSession } from '../../../../shared/protocol/src/session/server.ts'
import type { Limits } from '../limits.ts'

interface Entry {
  readonly halfOpen: HalfOpenSession
  readonly conn: number
  readonly untilMs: number
}

export class HalfOpenSessions {
  /** By session id, oldest first: all live equally long. */
  readonly #entries = new Map<string, Entry>()
  readonly #limits: Pick<Limits, 'halfOpen' | 'halfOpenMs'>

  constructor(limits: Pick<Limits, 'halfOpen' | 'halfOpenMs'>) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Makes room for one more of connection `conn`, before any work is done for it: its own oldest goes first, then the
   * oldest of the connection that holds most.
   * @throws {ProtocolError} `SESSION_TOO_MANY_HALF_OPEN` when every connection holds one only.
   */
  makeRoom(conn: number, monotonicMs: number): void {
    this.#dropOld(monotonicMs)
    if (this.#entries.size < this.#limits.halfOpen) return
    const counts = new Map<number, number>()
    for (const entry of this.#entries.values()) counts.set(entry.conn, (counts.get(entry.conn) ?? 0) + 1)
    let victim = conn
    if (!counts.has(conn)) {
      let most = 1
      for (const [candidate, count] of counts) {
        if (count > most) {
          most = count
          victim = candidate
        }
      }
    }
    for (const [sid, entry] of this.#entries) {
      if (entry.conn !== victim) continue
      this.#entries.delete(sid)
      return
    }
    throw new ProtocolError('SESSION_TOO_MANY_HALF_OPEN', 'too many sessions are being opened')
  }

  add(halfOpen: HalfOpenSession, conn: number, monotonicMs: number): void {
    this.#entries.set(encodeHex(halfOpen.sid), { halfOpen, conn, untilMs: monotonicMs + this.#limits.halfOpenMs })
  }

  /** @throws {ProtocolError} `SESSION_UNKNOWN` if there is none of this id, or its time is over. */
  get(sid: Uint8Array, monotonicMs: number): HalfOpenSession {
    this.#dropOld(monotonicMs)
    const entry = this.#entries.get(encodeHex(sid))
    if (entry === undefined) throw sessionUnknown()
    return entry.halfOpen
  }

  remove(sid: Uint8Array): void {
    this.#entries.delete(encodeHex(sid))
  }

  #dropOld(monotonicMs: number): void {
    for (const [sid, entry] of this.#entries) {
      if (entry.untilMs > monotonicMs) return
      this.#entries.delete(sid)
    }
  }
}

export function sessionUnknown(): ProtocolError {
  return new ProtocolError('SESSION_UNKNOWN', 'there is no such session')
}
