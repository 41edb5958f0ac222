/**
 * The surroundings of one run of the program: streams, environment, clock. Tests give their own.
 *
 * @module
 */
import type { Stream } from './output.ts'

export interface Terminal {
  readonly out: Stream
  readonly err: Stream
  /** Whether questions can be asked. */
  readonly canAsk: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly currentFolder: string
  nowMs(): number
  /** All of standard input. */
  readInput(): Promise<Uint8Array>
  /** Called on Ctrl-C; returns how to stop listening. */
  onInterrupt(listener: () => void): () => void
}

/** Ctrl-C, a polite kill, a terminal that was closed. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function processTerminal(): Terminal {
  return {
    out: process.stdout,
    err: process.stderr,
    canAsk: process.stdin.isTTY && process.stderr.isTTY,
    environment: process.env,
    currentFolder: process.cwd(),
    nowMs: () => Date.now(),
    async readInput() {
      const chunks: Buffer[] = []
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
      return new Uint8Array(Buffer.concat(chunks))
    },
    onInterrupt(listener) {
      for (const signal of ENDS) process.on(signal, listener)
      return () => {
        for (const signal of ENDS) process.off(signal, listener)
      }
    },
  }
}
