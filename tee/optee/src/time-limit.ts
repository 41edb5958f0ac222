/**
 * An end for calls into the secure world that never return: its threads and its supplicant can hang, and no call can be
 * taken back. What the late call would have said is not looked at any more; whoever called gives its carrier up.
 *
 * @module
 */
import { TeeError } from '../../src/errors.ts'

/**
 * @param giveUp called once when the call is late, before this throws.
 * @throws {TeeError} `SERVER_UNAVAILABLE` when the call is late; what the call throws.
 */
export async function inTime<T>(call: Promise<T>, limitMs: number, giveUp: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      giveUp()
      reject(new TeeError('SERVER_UNAVAILABLE', 'a call into the secure world did not return'))
    }, limitMs)
  })
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}
