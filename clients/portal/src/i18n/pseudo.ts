/**
 * The pseudo language: English with other letters and 40 % more of them; arguments and tags stay as they are.
 *
 * @module
 */
import {
  createLiteralElement,
  isLiteralElement,
  isPluralElement,
  isSelectElement,
  isTagElement,
  type MessageFormatElement,
  type PluralOrSelectOption,
} from '@formatjs/icu-messageformat-parser'

/** A text, or the parsed message where it has arguments or tags; tools/portal/vite-config.ts makes them. */
export type Message = string | readonly MessageFormatElement[]

const LETTERS: Readonly<Record<string, string>> = {
  a: 'á',
  e: 'é',
  i: 'í',
  o: 'ó',
  u: 'ú',
  A: 'Á',
  E: 'É',
  O: 'Ó',
  U: 'Ú',
}
const LONGER = 0.4

export function pseudo(message: Message): Message {
  if (typeof message === 'string') return accented(message) + extra(message.length)
  return [...message.map(accentedElement), createLiteralElement(extra(lengthOf(message)))]
}

function accented(text: string): string {
  return text.replaceAll(/[aeiouAEOU]/g, (letter) => LETTERS[letter] ?? letter)
}

function extra(length: number): string {
  return ' ~'.repeat(Math.ceil((length * LONGER) / 2))
}

function accentedElement(element: MessageFormatElement): MessageFormatElement {
  if (isLiteralElement(element)) return { ...element, value: accented(element.value) }
  if (isTagElement(element)) return { ...element, children: element.children.map(accentedElement) }
  if (isPluralElement(element)) return { ...element, options: accentedOptions(element.options) }
  if (isSelectElement(element)) return { ...element, options: accentedOptions(element.options) }
  return element
}

function accentedOptions<T extends PluralOrSelectOption>(options: Record<string, T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, { ...option, value: option.value.map(accentedElement) }]),
  )
}

/** Letters of the longest variant; an argument counts as none. */
function lengthOf(elements: readonly MessageFormatElement[]): number {
  return elements.reduce((sum, element) => {
    if (isLiteralElement(element)) return sum + element.value.length
    if (isTagElement(element)) return sum + lengthOf(element.children)
    if (isPluralElement(element) || isSelectElement(element)) {
      return sum + Math.max(...Object.values(element.options).map(({ value }) => lengthOf(value)))
    }
    return sum
  }, 0)
}
