/**
 * Languages of the portal. The pseudo language makes every text 40 % longer, to find what does not fit.
 *
 * @module
 */
import type { Message } from './pseudo.ts'

export const LOCALES = ['en', 'zh-Hans', 'pseudo'] as const
export type Locale = (typeof LOCALES)[number]
/** Those that people are offered. */
export const OFFERED = ['en', 'zh-Hans'] as const satisfies readonly Locale[]

/** Parts of the catalogue: `common` and `errors` come with the language, the rest with the role that needs it. */
export const CATALOGUES = ['common', 'errors', 'patient', 'doctor', 'staff', 'auditor', 'help', 'apps'] as const
export type Catalogue = (typeof CATALOGUES)[number]
export type Messages = Readonly<Record<string, Message>>

const KEY = 'trusthealth.locale'

/** What was chosen here, else what the browser prefers. */
export function preferredLocale(): Locale {
  const asked = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem(KEY)
  const chosen = LOCALES.find((locale) => locale === asked)
  if (chosen !== undefined) return chosen
  return navigator.languages.some((one) => one.toLowerCase().startsWith('zh')) &&
    !navigator.languages[0]?.startsWith('en')
    ? 'zh-Hans'
    : 'en'
}

export function rememberLocale(locale: Locale): void {
  localStorage.setItem(KEY, locale)
}

/** For `lang` and for `Intl`. */
export function languageTag(locale: Locale): string {
  return locale === 'pseudo' ? 'en-GB' : locale === 'en' ? 'en-GB' : locale
}
