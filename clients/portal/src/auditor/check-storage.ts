/**
 * Where an auditor's browser keeps the hashes of checked blocks: an IndexedDB of its own, by identity.
 *
 * @module
 */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { CheckStorage, LastCheck } from './checked-blocks.ts'

interface Schema extends DBSchema {
  /** By identity and number of the chunk. */
  chunks: { key: [string, number]; value: Uint8Array }
  runs: { key: string; value: { readonly savedMs: number; readonly last?: LastCheck } }
}

const DATABASE = 'trusthealth-audit'

let database: Promise<IDBPDatabase<Schema>> | undefined

function open(): Promise<IDBPDatabase<Schema>> {
  database ??= openDB<Schema>(DATABASE, 1, {
    upgrade: (made) => {
      made.createObjectStore('chunks')
      made.createObjectStore('runs')
    },
  })
  return database
}

/** @param id of the identity that checks. */
export function checkStorageOf(id: string): CheckStorage {
  const ownChunks = () => IDBKeyRange.bound([id, 0], [id, Number.MAX_SAFE_INTEGER])
  return {
    async load() {
      const tx = (await open()).transaction(['chunks', 'runs'])
      const [chunks, run] = await Promise.all([
        tx.objectStore('chunks').getAll(ownChunks()),
        tx.objectStore('runs').get(id),
      ])
      return { chunks, savedMs: run?.savedMs ?? 0, ...(run?.last === undefined ? {} : { last: run.last }) }
    },
    async put(chunk, hashes, savedMs) {
      const tx = (await open()).transaction(['chunks', 'runs'], 'readwrite')
      const runs = tx.objectStore('runs')
      const run = await runs.get(id)
      await Promise.all([tx.objectStore('chunks').put(hashes, [id, chunk]), runs.put({ ...run, savedMs }, id), tx.done])
    },
    async putLast(last) {
      const tx = (await open()).transaction('runs', 'readwrite')
      const run = await tx.store.get(id)
      await Promise.all([tx.store.put({ savedMs: last.endedMs, ...run, last }, id), tx.done])
    },
    async clear() {
      const tx = (await open()).transaction(['chunks', 'runs'], 'readwrite')
      await Promise.all([tx.objectStore('chunks').delete(ownChunks()), tx.objectStore('runs').delete(id), tx.done])
    },
  }
}
