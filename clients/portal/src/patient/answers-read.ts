/**
 * Answers of the hospital that this device has shown. No contents: ids.
 *
 * @module
 */
import type { AskedQuestion } from '../../../sdk/src/hospital-answers/reviews.ts'

const READ = 'trusthealth.answers-read'

export function unreadAnswers(person: string, asked: readonly AskedQuestion[]): readonly AskedQuestion[] {
  const kept = localStorage.getItem(`${READ}.${person}`)
  const read = kept === null ? [] : (JSON.parse(kept) as readonly string[])
  return asked.filter(({ id, answer }) => answer !== undefined && !read.includes(id))
}

export function keepAnswersRead(person: string, asked: readonly AskedQuestion[]): void {
  const ids = asked.flatMap(({ id, answer }) => (answer === undefined ? [] : [id]))
  localStorage.setItem(`${READ}.${person}`, JSON.stringify(ids))
}
