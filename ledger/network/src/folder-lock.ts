/**
 * One program at a time makes or starts the network of a folder. Held by a process, not by a file: what a program that
 * crashed left behind holds nobody up.
 *
 * @module
 */
import { rmSync, writeFileSync } from 'node:fs'
import { NetworkError } from './errors.ts'
import { processRecord, runningPid } from './processes.ts'

/**
 * @returns gives the folder free again
 * @throws {NetworkError} `NETWORK_BUSY`
 */
export function lockFolder(path: string): () => void {
  const busy = (cause?: unknown) =>
    new NetworkError('NETWORK_BUSY', 'another program makes or starts this network', { cause })
  if (runningPid(path) !== 0) throw busy()
  // Left by a process that is gone.
  rmSync(path, { force: true })
  try {
    writeFileSync(path, processRecord(process.pid), { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    throw busy(cause)
  }
  return () => rmSync(path, { force: true })
}
