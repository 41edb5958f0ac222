/**
 * By what stored records are found: the patient they are of, and their words. Both indexes are derived from the rows.
 * What was stored lately is found in memory, and written some hundred records at a time: an entry of its own for each
 * record would change a page of its own in each index, which is what most of a store's writing would be.
 *
 * Written together with the index of the patients' log entries and as far as that one (audit/patient-log.ts); what a
 * crash took is collected again from the log.
 *
 * @module
 */
import type { SqlStatement } from '../ports.ts'
import { integerOf } from '../sql-values.ts'
import type { Store } from '../store.ts'
import { matchesWords, type IndexedText } from './record-text.ts'

interface Recent {
  readonly id: number
  /** Undefined once erased. */
  words: IndexedText | undefined
}

export class RecordIndex {
  readonly #store: Store
  /** Not written yet, by patient, in the order of storing. */
  readonly #recent = new Map<number, Recent[]>()
  #count: number
  readonly #insert: SqlStatement
  readonly #one: SqlStatement
  readonly #ids: SqlStatement
  readonly #fullText:
    { readonly insert: SqlStatement; readonly remove: SqlStatement; readonly match: SqlStatement } | undefined

  constructor(store: Store) {
    this.#store = store
    const { database } = store
    this.#insert = database.prepare('INSERT INTO patient_record VALUES (?, ?)')
    this.#one = database.prepare('SELECT 1 AS n FROM patient_record WHERE patient = ? AND id = ?')
    this.#ids = database.prepare('SELECT id FROM patient_record WHERE patient = ? ORDER BY id')
    this.#count = integerOf(database.prepare('SELECT count(*) AS n FROM patient_record').get(), 'n')
    if (!store.hasFullText) return
    this.#fullText = {
      insert: database.prepare('INSERT INTO record_fts (rowid, text, codes) VALUES (?, ?, ?)'),
      remove: database.prepare(`INSERT INTO record_fts (record_fts, rowid, text, codes) VALUES ('delete', ?, ?, ?)`),
      match: database.prepare(
        `SELECT DISTINCT record.patient AS patient FROM record_fts JOIN record ON record.id = record_fts.rowid
         WHERE record_fts MATCH ? AND record.patient > ? AND record.state = 1 ORDER BY record.patient LIMIT ?`,
      ),
    }
  }

  /** Records that are stored or erased, each version counted. */
  get count(): number {
    return this.#count
  }

  /** Whether there is an index of words over all patients. */
  get hasWords(): boolean {
    return this.#fullText !== undefined
  }

  /** Makes a record findable that has just been stored. */
  add(patient: number, id: number, words: IndexedText): void {
    this.#recall(patient, { id, words })
    this.#count++
  }

  /** Takes up what is stored and was in memory when the application ended. @param words undefined if it is erased. */
  restore(patient: number, id: number, words: IndexedText | undefined): void {
    if (this.#one.get(patient, id) !== undefined) return
    this.#recall(patient, { id, words })
    this.#count++
  }

  /** Forgets the words of a record that is being erased; it is still listed. */
  eraseWords(patient: number, id: number, words: IndexedText): void {
    const recent = this.#recent.get(patient)?.find((one) => one.id === id)
    if (recent !== undefined) {
      recent.words = undefined
      return
    }
    this.#store.beginWrite()
    this.#fullText?.remove.run(id, words.text, words.codes)
  }

  /** Row numbers of a patient's records, oldest first. */
  idsOf(patient: number): number[] {
    const ids: number[] = []
    for (const row of this.#ids.iterate(patient)) ids.push(integerOf(row, 'id'))
    const recent = this.#recent.get(patient)
    if (recent === undefined) return ids
    // Stored in another order than they came.
    return [...ids, ...recent.map(({ id }) => id)].sort((a, b) => a - b)
  }

  /** What is not written yet. */
  *recent(): Iterable<{ readonly patient: number; readonly id: number }> {
    for (const [patient, all] of this.#recent) for (const { id } of all) yield { patient, id }
  }

  /**
   * Patients after `afterPatient` with records that have the words and code, at most `limit`, in the order of their
   * numbers. A hint: what is returned to anybody is checked with the rows.
   */
  candidates(words: readonly string[], code: string | undefined, afterPatient: number, limit: number): number[] {
    if (this.#fullText === undefined) throw new TypeError('this build has no full-text index')
    const parts = words.map((word) => `text : "${word}" *`)
    if (code !== undefined) parts.push(`codes : "${code}"`)
    const found = this.#fullText.match.all(parts.join(' AND '), afterPatient, limit)
    const patients = new Set(found.map((row) => integerOf(row, 'patient')))
    for (const [patient, all] of this.#recent) {
      if (patient > afterPatient && all.some((one) => isMatch(one.words, words, code))) patients.add(patient)
    }
    return [...patients].sort((a, b) => a - b).slice(0, limit)
  }

  /** Writes what is in memory, in the order of the pages it goes to. */
  write(): void {
    if (this.#recent.size === 0) return
    this.#store.beginWrite()
    const words: { readonly id: number; readonly words: IndexedText }[] = []
    for (const [patient, all] of [...this.#recent].sort(([a], [b]) => a - b)) {
      for (const { id, words: text } of all) {
        this.#insert.run(patient, id)
        if (text !== undefined) words.push({ id, words: text })
      }
    }
    words.sort((a, b) => a.id - b.id)
    for (const { id, words: text } of words) this.#fullText?.insert.run(id, text.text, text.codes)
    this.#recent.clear()
  }

  #recall(patient: number, one: Recent): void {
    const all = this.#recent.get(patient)
    if (all === undefined) this.#recent.set(patient, [one])
    else all.push(one)
  }
}

function isMatch(indexed: IndexedText | undefined, words: readonly string[], code: string | undefined): boolean {
  if (indexed === undefined) return false
  return matchesWords(indexed.text, words) && (code === undefined || indexed.codes.split(' ').includes(code))
}
