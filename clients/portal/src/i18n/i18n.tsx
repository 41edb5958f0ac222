/**
 * Texts of the portal: `useWords()` gives `t('area.thing.part', {name})`. No text stands in a component.
 *
 * @module
 */
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react'
import { IntlProvider, useIntl } from 'react-intl'
import { loadCatalogue } from './catalogues.ts'
import type { Words } from './words.ts'
import { languageTag, preferredLocale, rememberLocale, type Catalogue, type Locale, type Messages } from './locales.ts'

interface Language {
  readonly locale: Locale
  readonly setLocale: (locale: Locale) => void
  readonly load: (catalogue: Catalogue) => Promise<void>
}

const LanguageContext = createContext<Language | undefined>(undefined)
const FIRST: readonly Catalogue[] = ['common', 'errors']
/** Parts that were asked for, so that another language brings them too. */
const wanted = new Set<Catalogue>(FIRST)

async function messagesOf(locale: Locale): Promise<Messages> {
  const parts = await Promise.all([...wanted].map((catalogue) => loadCatalogue(locale, catalogue)))
  return Object.assign({}, ...parts) as Messages
}

export function Language({ children }: { readonly children: ReactNode }): ReactNode {
  const [{ locale, messages }, setState] = useState<{ locale: Locale; messages: Messages | undefined }>(() => ({
    locale: preferredLocale(),
    messages: undefined,
  }))
  const setLocale = useCallback((next: Locale) => {
    rememberLocale(next)
    void messagesOf(next).then((loaded) => setState({ locale: next, messages: loaded }))
  }, [])
  const load = useCallback(
    async (catalogue: Catalogue) => {
      wanted.add(catalogue)
      const loaded = await loadCatalogue(locale, catalogue)
      setState((old) => ({ ...old, messages: { ...old.messages, ...loaded } }))
    },
    [locale],
  )
  useEffect(() => setLocale(preferredLocale()), [setLocale])
  useEffect(() => {
    document.documentElement.lang = languageTag(locale)
  }, [locale])
  const language = useMemo(() => ({ locale, setLocale, load }), [locale, setLocale, load])
  if (messages === undefined) return undefined
  return (
    <LanguageContext value={language}>
      <IntlProvider
        locale={languageTag(locale)}
        // Its type knows catalogues of one form only.
        messages={messages as Record<string, string>}
        defaultLocale="en"
        onError={reportMissing}
      >
        {children}
      </IntlProvider>
    </LanguageContext>
  )
}

/** A missing text is a fault that a test finds in the console. */
function reportMissing(error: Error): void {
  console.error(error.message)
}

export function useLanguage(): Language {
  const language = use(LanguageContext)
  if (language === undefined) throw new TypeError('outside of Language')
  return language
}

/** How dates are written: 14 Nov 2026, or 14-Nov-2026 for who works with them all day. */
export type DateForm = 'plain' | 'clinical'
const DateFormContext = createContext<DateForm>('plain')
export const DateFormProvider = DateFormContext.Provider

export function useWords(): Words {
  const intl = useIntl()
  const dateForm = use(DateFormContext)
  return useMemo((): Words => {
    const { locale } = intl
    const format = (options: Intl.DateTimeFormatOptions) => {
      const formatter = new Intl.DateTimeFormat(locale, options)
      return (timeMs: number) => formatter.format(timeMs)
    }
    const plainText = (key: string) => {
      const message = intl.messages[key]
      return typeof message === 'string' ? message : undefined
    }
    const isChinese = locale.startsWith('zh')
    const day = { year: 'numeric', month: isChinese ? 'long' : 'short', day: 'numeric' } as const
    const date = dateForm === 'clinical' && !isChinese ? clinicalDate(locale) : format(day)
    const clock = { hour: '2-digit', minute: '2-digit', hour12: false } as const
    const time = format(clock)
    const dayName = format({ weekday: 'long' })
    return {
      t: (key, values) => plainText(key) ?? intl.formatMessage({ id: key }, values),
      rich: (key, values) =>
        plainText(key) ?? intl.formatMessage({ id: key }, { b: bold, ...(values as Record<string, string>) }),
      has: (key) => Object.hasOwn(intl.messages, key),
      date,
      weekday: (timeMs) => (isChinese ? `${date(timeMs)}，${dayName(timeMs)}` : `${dayName(timeMs)}, ${date(timeMs)}`),
      isYearFirst: isChinese,
      time,
      seconds: format({ ...clock, second: '2-digit' }),
      moment: isChinese ? format({ ...day, ...clock }) : (timeMs) => `${date(timeMs)}, ${time(timeMs)}`,
      year: format({ year: 'numeric' }),
      shortMonth: format({ year: 'numeric', month: 'short' }),
      month: format({ year: 'numeric', month: 'long' }),
      number: (value) => intl.formatNumber(value),
      list: (items) => intl.formatList([...items], { type: 'conjunction' }),
    }
  }, [intl, dateForm])
}

/** 04-Sep-2026: always of one width. British English writes Sept. */
function clinicalDate(locale: string): (timeMs: number) => string {
  const formatter = new Intl.DateTimeFormat(locale, { year: 'numeric', month: 'short', day: '2-digit' })
  return (timeMs) => {
    const parts = new Map(formatter.formatToParts(timeMs).map(({ type, value }) => [type, value]))
    return [parts.get('day'), parts.get('month')?.slice(0, 3), parts.get('year')].join('-')
  }
}

const bold = (parts: ReactNode) => <b>{parts}</b>
