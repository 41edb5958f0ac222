/**
 * What a command of the command line works with, for tests that call its parts: a state folder and a clock, nobody to ask
 * and nobody who reads what it says.
 *
 * @module
 */
import { makeContext, type Context } from '../../clients/cli/src/context.ts'

/** @param folder the state folder, and where it runs. */
export function quietContext(folder: string, nowMs: () => number): Context {
  const stream = { write: () => undefined }
  return makeContext(
    {
      out: stream,
      err: stream,
      canAsk: false,
      environment: { TRUSTHEALTH_STATE: folder },
      currentFolder: folder,
      nowMs,
      readInput: () => Promise.resolve(new Uint8Array()),
      onInterrupt: () => () => undefined,
    },
    {},
  )
}
