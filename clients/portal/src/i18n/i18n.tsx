/**
 * Texts of the portal: `useWords()` gives `t('area.thing.part', {name})`. No text stands in a component.
 *
 * @module
 */
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react'
import { IntlProvider, useIntl } from 'react-intl'
import { loadCatalogue } from './catalogues.ts'
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
      <IntlProvider locale={languageTag(locale)} messages={messages} defaultLocale="en" onError={reportMissing}>
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

export type Values = Readonly<Record<string, string | number | Date | undefined>>

export interface Words {
  /** The text of a key. */
  readonly t: (key: string, values?: Values) => string
  /** The same with tags: `<b>…</b>` and others in the message become elements. */
  readonly rich: (key: string, values: Readonly<Record<string, unknown>>) => ReactNode
  readonly has: (key: string) => boolean
  /** 14 Nov 2026; 14-Nov-2026 for clinicians. */
  readonly date: (timeMs: number) => string
  /** Saturday, 14 Nov 2026. */
  readonly weekday: (timeMs: number) => string
  /** Dates begin with the year. */
  readonly isYearFirst: boolean
  /** 14:03. */
  readonly time: (timeMs: number) => string
  /** 14:03:22. */
  readonly seconds: (timeMs: number) => string
  /** 14 Nov 2026, 14:03. */
  readonly moment: (timeMs: number) => string
  readonly year: (timeMs: number) => string
  /** Nov 2026. */
  readonly shortMonth: (timeMs: number) => string
  /** November 2026. */
  readonly month: (timeMs: number) => string
  readonly number: (value: number) => string
  /** "one, two and three". */
  readonly list: (items: readonly string[]) => string
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
    const isChinese = locale.startsWith('zh')
    const day = { year: 'numeric', month: isChinese ? 'long' : 'short', day: 'numeric' } as const
    const date = dateForm === 'clinical' && !isChinese ? clinicalDate(locale) : format(day)
    const clock = { hour: '2-digit', minute: '2-digit', hour12: false } as const
    const time = format(clock)
    const dayName = format({ weekday: 'long' })
    return {
      t: (key, values) => intl.formatMessage({ id: key }, values),
      rich: (key, values) => intl.formatMessage({ id: key }, { b: bold, ...(values as Record<string, string>) }),
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
