/**
 * What the hospital does again and again without being asked: a look, a pause, the next look. Of what goes wrong a person
 * is told once, until something else goes wrong or a look succeeds; of parts that do not answer nobody is told.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** Codes of parts that are away, or not ready: a matter of time. */
export const AWAY: readonly string[] = [
  'SERVER_UNAVAILABLE',
  'SERVER_STOPPING',
  'LEDGER_UNAVAILABLE',
  'TEE_RESTARTED',
  'TEE_RECOVERING',
  'TEE_NOT_PROVISIONED',
  'TEE_BUSY',
  'HTTP_RATE_LIMITED',
]

export interface Repeating {
  /** @returns after how many milliseconds the next look follows. */
  readonly look: () => Promise<number>
  /** After a look that failed, milliseconds. */
  readonly retryMs: number
  /** Codes of which nobody is told. */
  readonly expected: readonly string[]
  /** A refusal or a fault, which a person should look at. */
  readonly onTrouble: (error: unknown) => void
}

/** Something that is repeated. */
export interface Repeated {
  /** No look begins any more; returns when the last one has ended. */
  stop(): Promise<void>
}

/** Looks now, and again until it is stopped. */
export function every({ look, retryMs, expected, onTrouble }: Repeating): Repeated {
  const stop = new AbortController()
  const { signal } = stop
  const run = async (): Promise<void> => {
    let told: string | undefined
    while (!signal.aborted) {
      let pauseMs = retryMs
      try {
        pauseMs = await look()
        told = undefined
      } catch (error) {
        const code = codeOf(error)
        // The same again says nothing new.
        if (!signal.aborted && !expected.includes(code) && code !== told) onTrouble(error)
        told = code
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    stop: () => {
      stop.abort()
      return running
    },
  }
}

/** Of an error that has none: that of a fault. */
function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? code : 'SERVICE_FAULT'
}
