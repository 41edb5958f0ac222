/**
 * What came of a change of the network's organisations, for whoever asked for it: one file, written by the program that
 * runs the network each time it has taken its configuration.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import {
  type ErrorCode,
  isErrorCode,
  list,
  literal,
  mspIdShape,
  optional,
  parseJson,
  struct,
  text,
} from '../../../shared/protocol/src/index.ts'
import { writeOwnFile } from './folder.ts'

export interface Outcome {
  /** As the configuration has them. */
  readonly organizations: readonly string[]
  /** Why they are not all there; absent if they are. */
  readonly code?: ErrorCode
}

const outcomeShape = struct({
  v: literal(1),
  organizations: list(mspIdShape, { max: 64 }),
  code: optional(text({ max: 64 })),
})

export function writeOutcome(path: string, { organizations, code }: Outcome): void {
  writeOwnFile(path, `${JSON.stringify({ v: 1, organizations, ...(code === undefined ? {} : { code }) })}\n`)
}

/** Undefined while there is none. */
export function readOutcome(path: string): Outcome | undefined {
  if (!existsSync(path)) return undefined
  const { organizations, code } = outcomeShape(parseJson(readFileSync(path, 'utf8'), { maxBytes: 65_536 }), 'outcome')
  return { organizations, ...(code === undefined ? {} : { code: isErrorCode(code) ? code : 'NETWORK_NOT_READY' }) }
}
