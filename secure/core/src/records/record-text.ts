/**
 * Words of records, for search. A record matches when each word asked for starts some word of it; diacritics and case
 * do not count. The words are stored apart from the row and are covered by its digest (`textHash`).
 *
 * The candidates of a search over many patients come from an index (records/record-index.ts); what one patient's search
 * returns is decided on the words themselves, so that an old index page cannot hide a record.
 *
 * @module
 */
import { equalBytes, encodeHex, encodeUtf8, label, type Crypto } from '../../../../shared/crypto/src/index.ts'
import { StorageError } from '../errors.ts'
import type { SqlStatement } from '../ports.ts'
import { textOf } from '../sql-values.ts'
import type { Store } from '../store.ts'

const TEXT = label('ta-record-text')
const MAX_WORDS = 4_096
const MAX_QUERY_WORDS = 16
const NOT_ASCII = /[^\0-\x7f]/

export interface IndexedText {
  /** Words, each once, separated by one space. */
  readonly text: string
  /** Tokens of codes, in the same form. */
  readonly codes: string
}

/**
 * The words of a text: letters and digits, lower case, without diacritics, each once; one longer than 64 in pieces. They
 * are found one after the other and the length of each is bounded, because where memory is scarce a text of one long word,
 * or of very many, has to fit, too.
 */
export function wordsOf(text: string, max = MAX_WORDS): string[] {
  // ASCII, which nearly all texts are: the same words, without the tables of Unicode.
  const isAscii = !NOT_ASCII.test(text)
  const word = isAscii ? /[a-z0-9]{1,64}/g : /[\p{L}\p{N}\p{M}]{1,64}/gu
  const plain = isAscii ? text.toLowerCase() : text.normalize('NFKD')
  const words = new Set<string>()
  for (let found = word.exec(plain); found !== null && words.size < max; found = word.exec(plain)) {
    const one = isAscii ? found[0] : found[0].replace(/\p{M}+/gu, '').toLowerCase()
    if (one !== '') words.add(one)
  }
  return [...words]
}

export function queryWordsOf(text: string): string[] {
  return wordsOf(text, MAX_QUERY_WORDS)
}

/** Whether each word asked for starts some word of the text. */
export function matchesWords(text: string, query: readonly string[]): boolean {
  return query.every((word) => text.startsWith(word) || text.includes(` ${word}`))
}

/** One token for a code with its system, and one for the code alone. */
export function codeTokens(crypto: Crypto, codes: readonly (readonly [string, string])[]): string[] {
  const tokens = new Set<string>()
  for (const [system, code] of codes) {
    tokens.add(codeToken(crypto, `${system}|${code}`))
    tokens.add(codeToken(crypto, code))
  }
  return [...tokens]
}

/** Tokens that were made before: a hospital uses few codes, and these again and again. */
const TOKENS = new Map<string, string>()
const MAX_TOKENS = 512

/** @param asked `code` or `system|code`, as FHIR search writes it. */
export function codeToken(crypto: Crypto, asked: string): string {
  const known = TOKENS.get(asked)
  if (known !== undefined) return known
  const token = `c${encodeHex(crypto.sha256(encodeUtf8(asked)).subarray(0, 8))}`
  if (TOKENS.size >= MAX_TOKENS) TOKENS.clear()
  TOKENS.set(asked, token)
  return token
}

export function textHash(crypto: Crypto, { text, codes }: IndexedText): Uint8Array {
  return crypto.sha256(TEXT, crypto.sha256(encodeUtf8(text)), crypto.sha256(encodeUtf8(codes)))
}

export class RecordTexts {
  readonly #store: Store
  readonly #insert: SqlStatement
  readonly #select: SqlStatement
  readonly #remove: SqlStatement

  constructor(store: Store) {
    this.#store = store
    const { database } = store
    this.#insert = database.prepare('INSERT INTO record_text VALUES (?, ?, ?)')
    this.#select = database.prepare('SELECT text, codes FROM record_text WHERE id = ?')
    this.#remove = database.prepare('DELETE FROM record_text WHERE id = ?')
  }

  /** Keeps the words of a staged record; nobody finds it by them yet. */
  add(id: number, words: IndexedText): void {
    this.#store.beginWrite()
    this.#insert.run(id, words.text, words.codes)
  }

  /** @param hash of the record's row. @throws {StorageError} `STATE_ROLLED_BACK` if these are other words. */
  get(id: number, hash: Uint8Array | null): IndexedText {
    const row = this.#select.get(id)
    if (row === undefined && hash === null) return { text: '', codes: '' }
    if (row === undefined || hash === null) throw rolledBack()
    const words = { text: textOf(row, 'text'), codes: textOf(row, 'codes') }
    if (!equalBytes(textHash(this.#store.crypto, words), hash)) throw rolledBack()
    return words
  }

  /** Destroys the words of a record. */
  remove(id: number): void {
    this.#store.beginWrite()
    this.#remove.run(id)
  }
}

function rolledBack(): StorageError {
  return new StorageError('STATE_ROLLED_BACK', 'the words of a record are not what was last written')
}
