/**
 * Small words.
 *
 * @module
 */

/** "1 record", "12,403 records". */
export function countWords(count: number, word: string): string {
  return `${numberWords(count)} ${word}${count === 1 ? '' : 's'}`
}

export function numberWords(count: number): string {
  return count.toLocaleString('en')
}
