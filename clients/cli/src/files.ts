/**
 * Files that only their owner may read, written whole or not at all.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { usageError } from './command-error.ts'

/** Replaces `path` in one step; after this returns it is on disk. */
export function writePrivateFile(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeFileSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
}

/** The JSON in `path`; undefined if there is no such file. @throws {SyntaxError} */
export function readJsonFile(path: string): unknown {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as unknown) : undefined
}

/** A file that the person named. @param name as the person wrote it. @throws {CommandError} `CLIENT_USAGE` */
export function readOwnFile(path: string, name: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch {
    throw usageError(`The file ${name} cannot be read.`, 'look at its name and who may read it')
  }
}
