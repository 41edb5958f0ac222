/**
 * One record in a list: what it is, its value, who signed it, its seal. It is read and checked when it comes into view.
 *
 * @module
 */
import { useInViewport, useMergedRef } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { dateTextOf, isWrittenInError, measuredOf } from '../fhir/read.ts'
import { ValueText } from '../fhir/value-text.tsx'
import { fhirDateText } from '../fhir/fhir-date.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { Words } from '../i18n/words.ts'
import { Seal } from '../seal/seal.tsx'
import { sealView } from '../seal/seal-view.ts'
import { wasOpened, type Choice } from './choices.ts'
import { KIND_ICONS } from './kinds.ts'
import type { OpenedRecord } from '../session/opened-record.ts'
import type { RecordLine } from './patient-area.ts'
import { PlainWord } from './plain-word.tsx'
import { queries } from './queries.ts'

const ErasedSeal = lazy(async () => ({ default: (await import('./erased-seal.tsx')).ErasedSeal }))
const RecordSealPanel = lazy(async () => ({ default: (await import('./record-seal-panel.tsx')).RecordSealPanel }))

interface RecordRowProps {
  readonly item: RecordLine
  /** Results that asked first and were opened in this browser. */
  readonly choices: readonly Choice[]
  /** Its place in a long list, of which only what is near the window is on the page. */
  readonly near?: {
    readonly measure: (row: Element | null) => void
    readonly index: number
    /** Pixels of rows that are left out before it. */
    readonly gap: number
    /** Of its group, from 1. */
    readonly nth: number
    readonly of: number
  }
}

export function RecordRow({ item, choices, near }: RecordRowProps): ReactNode {
  const words = useWords()
  const { t } = words
  const { ref, inViewport } = useInViewport<HTMLLIElement>()
  const [wasSeen, setWasSeen] = useState(false)
  /** Whether the panel is open; undefined: it never was. */
  const [isOpen, setIsOpen] = useState<boolean>()
  useEffect(() => {
    if (inViewport) setWasSeen(true)
  }, [inViewport])
  const isErased = item.erasedMs !== undefined
  const record = useQuery({ ...queries.record(item.record), enabled: wasSeen && !isErased })
  // What was read before it was erased is not shown.
  const opened = isErased ? undefined : record.data
  const Icon = KIND_ICONS[item.ehrType]
  const report = opened?.report
  const isBad = sealView(words, report).tone === 'bad'
  const isInError = opened !== undefined && isWrittenInError(opened.resource)
  const isAsking = opened?.asksFirst === true && !wasOpened(choices, item.record)
  return (
    <li
      className="th-row"
      ref={useMergedRef(ref, near?.measure)}
      data-record={item.record}
      data-index={near?.index}
      aria-posinset={near?.nth}
      aria-setsize={near?.of}
      style={near === undefined ? undefined : { marginTop: near.gap }}
    >
      <Icon size={20} aria-hidden className="th-row-icon" />
      <div className="th-row-text">
        <Link href={`/patient/record/${item.record}`} className="th-row-title">
          {isErased ? t('record.title') : item.title}
        </Link>{' '}
        {opened === undefined ? undefined : <PlainWord resource={opened.resource} />}
        {opened === undefined || isBad || isAsking || isInError ? undefined : <Value opened={opened} />}
        {isAsking ? <span className="th-dimmed">{t('record.asks.row')}</span> : undefined}
        {isInError && !isAsking ? <span className="th-dimmed">{t('record.in-error')}</span> : undefined}
        <p className="th-row-note">{t('record.by', { date: dateOf(item, opened, words), author: item.authorName })}</p>
      </div>
      {isErased ? (
        <Suspense fallback={<Seal report={undefined} isRunning title={t('record.title')} onOpen={() => undefined} />}>
          <ErasedSeal id={item.record} isAsked={wasSeen} />
        </Suspense>
      ) : record.isError ? (
        <span className="th-seal" data-tone="none" data-state="not-checked">
          {t('record.unread')}
        </span>
      ) : (
        <Seal report={report} isRunning={!record.isSuccess} title={item.title} onOpen={() => setIsOpen(true)} />
      )}
      {opened === undefined || isOpen === undefined ? undefined : (
        <Suspense>
          <RecordSealPanel
            isOpen={isOpen}
            onClose={() => setIsOpen(false)}
            opened={opened}
            title={item.title}
            canCompare={!isAsking}
          />
        </Suspense>
      )}
    </li>
  )
}

/** As it was recorded, once that is known: a year stays a year. */
function dateOf(item: RecordLine, opened: OpenedRecord | undefined, words: Words): string {
  const text = opened === undefined ? undefined : dateTextOf(opened.resource)
  return text === undefined || text.includes('T') ? words.date(item.dateMs ?? item.storedMs) : fhirDateText(words, text)
}

function Value({ opened }: { readonly opened: OpenedRecord }): ReactNode {
  if (opened.resource['resourceType'] !== 'Observation') return undefined
  const measured = measuredOf(opened.resource)
  return (
    <span className="th-row-value">
      {measured.slice(0, 2).map((one) => (
        <ValueText key={one.name} measured={one} />
      ))}
    </span>
  )
}
