/**
 * What a doctor's browser keeps between two visits of the page: encrypted drafts, and signed records on their way, which
 * are ciphertext for the record server. No readable record is ever kept.
 *
 * @module
 */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'
import type { PreparedRecord } from '../../../sdk/src/author.ts'
import type { DraftStore, SealedDraft } from './model/drafts.ts'

/** Records that were signed and not yet taken: sent again as they are, they are stored once. */
export interface Outgoing {
  readonly id: string
  readonly owner: string
  readonly patient: string
  readonly signedMs: number
  readonly prepared: readonly PreparedRecord[]
}

interface Schema extends DBSchema {
  keys: { key: string; value: CryptoKey }
  drafts: { key: string; value: SealedDraft }
  outbox: { key: string; value: Outgoing }
}

const DATABASE = 'trusthealth-doctor'
let opened: Promise<IDBPDatabase<Schema>> | undefined

function open(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>(DATABASE, 1, {
    upgrade(database) {
      database.createObjectStore('keys')
      database.createObjectStore('drafts', { keyPath: 'id' })
      database.createObjectStore('outbox', { keyPath: 'id' })
    },
  })
  return opened
}

export const browserDrafts: DraftStore = {
  async keyOr(made) {
    // One transaction: of two tabs that both make a key, the second takes the first one's.
    const transaction = (await open()).transaction('keys', 'readwrite')
    const kept = await transaction.store.get('drafts')
    if (kept === undefined) await transaction.store.put(made, 'drafts')
    await transaction.done
    return kept ?? made
  },
  async put(draft) {
    await (await open()).put('drafts', draft)
  },
  all: async () => await (await open()).getAll('drafts'),
  find: async (id) => await (await open()).get('drafts', id),
  async remove(id) {
    await (await open()).delete('drafts', id)
  },
}

export const browserOutbox = {
  async put(one: Outgoing): Promise<void> {
    await (await open()).put('outbox', one)
  },
  async of(owner: string): Promise<readonly Outgoing[]> {
    const all = await (await open()).getAll('outbox')
    return all.filter((one) => one.owner === owner).toSorted((a, b) => a.signedMs - b.signedMs)
  },
  async remove(id: string): Promise<void> {
    await (await open()).delete('outbox', id)
  },
}
