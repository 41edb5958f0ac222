/**
 * Loads the parts of a language. Each part is a file of its own under locales/, so that the first page brings only what it
 * shows.
 *
 * @module
 */
import { pseudo } from './pseudo.ts'
import type { Catalogue, Locale, Messages } from './locales.ts'

const FILES = import.meta.glob<{ default: Messages }>('../../locales/*/*.json')

export async function loadCatalogue(locale: Locale, catalogue: Catalogue): Promise<Messages> {
  const folder = locale === 'pseudo' ? 'en' : locale
  const load = FILES[`../../locales/${folder}/${catalogue}.json`]
  if (load === undefined) return {}
  const { default: messages } = await load()
  if (locale !== 'pseudo') return messages
  return Object.fromEntries(Object.entries(messages).map(([key, message]) => [key, pseudo(message)]))
}
