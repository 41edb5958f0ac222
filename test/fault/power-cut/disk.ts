/**
 * A disk that may lose what was not synced. From a recording: what the files can look like when the power goes off after a
 * given event.
 *
 * What was synced is there. Of what was written after that, any part may be there: all of it, nothing, some of the writes in
 * any order, and one of them torn at a boundary of sectors. Creation, removal and truncation of files are taken to be
 * ordered, as journalling file systems do it.
 *
 * @module
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DiskEvent } from './recorder.ts'

const SECTOR_BYTES = 512

/** What became of the writes that were not synced. */
export type Fate = 'all' | 'none' | 'some'

/** A source of chance: 0 up to and without `limit`. */
export type Below = (limit: number) => number

type Write = Extract<DiskEvent, { kind: 'write' }>

/** Files by name. */
export type Files = ReadonlyMap<string, Buffer>

/**
 * @param start the files when the recording began, durable.
 * @param count events that happened before the power went off.
 */
export function filesAfter(start: Files, events: readonly DiskEvent[], count: number, fate: Fate, below: Below): Files {
  const durable = new Map<string, Buffer>([...start].map(([name, bytes]) => [name, Buffer.from(bytes)]))
  const pending = new Map<string, Write[]>()
  for (const event of events.slice(0, count)) {
    if (event.kind === 'mark') continue
    const waiting = pending.get(event.file) ?? []
    pending.set(event.file, waiting)
    switch (event.kind) {
      case 'write':
        waiting.push(event)
        break
      case 'sync':
        for (const write of waiting.splice(0)) apply(durable, write)
        break
      case 'create':
        if (!durable.has(event.file)) durable.set(event.file, Buffer.alloc(0))
        break
      case 'truncate':
        for (const write of waiting.splice(0)) apply(durable, write)
        durable.set(event.file, resized(durable.get(event.file) ?? Buffer.alloc(0), event.length))
        break
      case 'remove':
        waiting.length = 0
        durable.delete(event.file)
        break
    }
  }
  for (const writes of pending.values()) for (const write of surviving(writes, fate, below)) apply(durable, write)
  return durable
}

/** Events after which the power may go off with another outcome than after the one before. */
export function cutPoints(events: readonly DiskEvent[]): number[] {
  return events
    .flatMap((event, i) => (event.kind === 'mark' ? [] : [i, i + 1]))
    .filter((at, i, all) => all.indexOf(at) === i)
}

/** Marks that were made among the first `count` events. */
export function marksBefore(events: readonly DiskEvent[], count: number): number[] {
  return events.slice(0, count).flatMap((event) => (event.kind === 'mark' ? [event.mark] : []))
}

/** Makes the folder hold these files and no others. */
export function writeFiles(folder: string, files: Files): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, name), bytes, { mode: 0o600 })
  }
}

function surviving(writes: readonly Write[], fate: Fate, below: Below): Write[] {
  if (fate === 'all') return [...writes]
  if (fate === 'none') return []
  const kept = writes.filter(() => below(2) === 0)
  const at = below(Math.max(kept.length, 1))
  const torn = kept[at]
  if (torn !== undefined) {
    const sectors = below(Math.ceil(torn.bytes.length / SECTOR_BYTES) + 1)
    kept[at] = { ...torn, bytes: torn.bytes.subarray(0, sectors * SECTOR_BYTES) }
  }
  return kept
}

function apply(files: Map<string, Buffer>, { file, offset, bytes }: Write): void {
  let content = files.get(file) ?? Buffer.alloc(0)
  if (content.length < offset + bytes.length) content = resized(content, offset + bytes.length)
  bytes.copy(content, offset)
  files.set(file, content)
}

function resized(content: Buffer, length: number): Buffer {
  const next = Buffer.alloc(length)
  content.copy(next, 0, 0, Math.min(length, content.length))
  return next
}
