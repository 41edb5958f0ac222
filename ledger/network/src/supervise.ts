/**
 * Keeps the processes of a network running: one that ends is started again, with growing pauses while it does not stay.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NetworkNode } from './options.ts'

const LOOK_EVERY_MS = 250
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** After running this long, the next pause is the first one again. */
const STEADY_MS = 10_000

export interface SuperviseOptions {
  readonly signal: AbortSignal
  /** Told one line for each process that ended, and for each that runs again. */
  readonly onChange?: (line: string) => void
}

/** Until `signal` is aborted; nothing is being started any more when it resolves. */
export async function supervise(
  nodes: readonly NetworkNode[],
  { signal, onChange = () => undefined }: SuperviseOptions,
): Promise<void> {
  await Promise.all(nodes.map((node) => keepRunning(node, signal, onChange)))
}

async function keepRunning(node: NetworkNode, signal: AbortSignal, onChange: (line: string) => void): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS
  let startedMs = performance.now()
  while (!signal.aborted) {
    await pause(LOOK_EVERY_MS, signal)
    if (signal.aborted || node.pid !== 0) continue
    onChange(`${node.name} ended`)
    if (performance.now() - startedMs >= STEADY_MS) pauseMs = FIRST_PAUSE_MS
    await pause(pauseMs, signal)
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    if (signal.aborted) return
    try {
      await node.start()
      startedMs = performance.now()
      onChange(`${node.name} runs again`)
    } catch {
      onChange(`${node.name} did not start`)
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
