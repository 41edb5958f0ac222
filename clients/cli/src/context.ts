/**
 * What every command gets: output, state folder, clock, and the global flags.
 *
 * @module
 */
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import type { Clock } from '../../sdk/src/ports.ts'
import { Output, type JsonMode } from './output.ts'
import { findStateFolder, type StateFolder } from './state-folder.ts'
import type { Terminal } from './terminal.ts'

/** Flags that every command has. */
export interface GlobalOptions {
  readonly as?: string
  readonly state?: string
  readonly json?: 'object' | 'lines'
  readonly quiet?: boolean
  readonly verbose?: boolean
  /** False for `--no-color`. */
  readonly color?: boolean
  /** False for `--no-input`. */
  readonly input?: boolean
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly confirm?: string
  readonly timeout?: string
}

export interface Context {
  readonly terminal: Terminal
  readonly output: Output
  readonly flags: GlobalOptions
  readonly state: StateFolder
  readonly crypto: Crypto
  readonly clock: Clock
}

export function makeContext(terminal: Terminal, flags: GlobalOptions): Context {
  return {
    terminal,
    output: makeOutput(terminal, flags),
    flags,
    state: findStateFolder(flags.state, terminal.environment, terminal.currentFolder),
    crypto: createNodeCrypto(),
    clock: { nowMs: () => terminal.nowMs(), monotonicMs: () => performance.now() },
  }
}

export function makeOutput(terminal: Terminal, flags: GlobalOptions): Output {
  const json: JsonMode = flags.json ?? 'off'
  const { quiet = false, verbose = false, color = true } = flags
  return new Output({ json, quiet, verbose, color }, terminal.out, terminal.err, terminal.environment)
}
