/**
 * One record in a list: what it is, its value, who signed it, its seal. It is read and checked when it comes into view.
 *
 * @module
 */
import { useInViewport } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { dateTextOf, isWrittenInError, measuredOf } from '../fhir/read.ts'
import { ValueText } from '../fhir/value-text.tsx'
import { fhirDateText } from '../fhir/fhir-date.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { Words } from '../i18n/words.ts'
import { ErasedMark, Seal } from '../seal/seal.tsx'
import { sealView } from '../seal/seal-view.ts'
import { wasOpened, type Choice } from './choices.ts'
import { KIND_ICONS } from './kinds.ts'
import type { OpenedRecord } from '../session/opened-record.ts'
import type { RecordLine } from './patient-area.ts'
import { queries } from './queries.ts'
import { RecordSealPanel } from './record-seal-panel.tsx'

interface RecordRowProps {
  readonly item: RecordLine
  /** Results that asked first and were opened in this browser. */
  readonly choices: readonly Choice[]
}

export function RecordRow({ item, choices }: RecordRowProps): ReactNode {
  const words = useWords()
  const { t } = words
  const { ref, inViewport } = useInViewport<HTMLLIElement>()
  const [wasSeen, setWasSeen] = useState(false)
  const [isOpen, setIsOpen] = useState(false)
  useEffect(() => {
    if (inViewport) setWasSeen(true)
  }, [inViewport])
  const isErased = item.erasedMs !== undefined
  const record = useQuery({ ...queries.record(item.record), enabled: wasSeen && !isErased })
  const Icon = KIND_ICONS[item.ehrType]
  const report = record.data?.report
  const isBad = sealView(words, report).tone === 'bad'
  const isInError = record.data !== undefined && isWrittenInError(record.data.resource)
  const isAsking = record.data?.asksFirst === true && !wasOpened(choices, item.record)
  return (
    <li className="th-row" ref={ref} data-record={item.record}>
      <Icon size={20} aria-hidden className="th-row-icon" />
      <div className="th-row-text">
        <Link href={`/patient/record/${item.record}`} className="th-row-title">
          {item.title}
        </Link>{' '}
        {record.data === undefined || isBad || isAsking || isInError ? undefined : <Value opened={record.data} />}
        {isAsking ? <span className="th-dimmed">{t('record.asks.row')}</span> : undefined}
        {isInError && !isAsking ? <span className="th-dimmed">{t('record.in-error')}</span> : undefined}
        <p className="th-row-note">
          {t('record.by', { date: dateOf(item, record.data, words), author: item.authorName })}
        </p>
      </div>
      {item.erasedMs !== undefined ? (
        <ErasedMark erasedMs={item.erasedMs} />
      ) : record.isError ? (
        <span className="th-seal" data-tone="none" data-state="not-checked">
          {t('record.unread')}
        </span>
      ) : (
        <Seal report={report} isRunning={!record.isSuccess} title={item.title} onOpen={() => setIsOpen(true)} />
      )}
      {record.data === undefined ? undefined : (
        <RecordSealPanel
          isOpen={isOpen}
          onClose={() => setIsOpen(false)}
          opened={record.data}
          title={item.title}
          canCompare={!isAsking}
        />
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
