/**
 * One record, readable: values with range and plot over time, then the rest by its kind, earlier versions, the data at last.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import { IconArrowLeft } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Link, useSearchParams } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { codeKeyOf, dateTextOf, isWrittenInError, measuredOf, titleOf } from '../fhir/read.ts'
import { FhirDate } from '../fhir/fhir-date.tsx'
import { ResourceView } from '../fhir/resource-view.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Seal } from '../seal/seal.tsx'
import { sealView } from '../seal/seal-view.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { codeOfError } from '../session/portal-error.ts'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { AsksFirst } from './asks-first.tsx'
import { keepChoice, readChoices, wasOpened } from './choices.ts'
import { Erase } from './erase.tsx'
import { ErasedSeal } from './erased-seal.tsx'
import { FailedCheck } from './failed-check.tsx'
import { historyQuery, LabHistory } from './lab-history.tsx'
import { PlainWord } from './plain-word.tsx'
import { isFirstAnswerAwaited } from '../session/first-answer.ts'
import { patient, queries } from './queries.ts'
import { RecordSealPanel } from './record-seal-panel.tsx'
import { Versions } from './versions.tsx'

export function Record({ id, me }: { readonly id: string; readonly me: IdentityCard }): ReactNode {
  const words = useWords()
  const { t } = words
  const [params, setParams] = useSearchParams()
  const asked = Number(params.get('version') ?? 0)
  const version = asked > 0 ? asked : undefined
  const record = useQuery(queries.record(id, version))
  const [isPanelOpen, setIsPanelOpen] = useState(false)
  const [isShownAnyway, setIsShownAnyway] = useState(false)
  const [choices, setChoices] = useState(() => readChoices(me.id))
  const code = record.data === undefined ? undefined : codeKeyOf(record.data.resource)
  const hasHistory =
    record.data !== undefined &&
    code !== undefined &&
    !(record.data.asksFirst && !wasOpened(choices, id)) &&
    !isWrittenInError(record.data.resource) &&
    sealView(words, record.data.report).tone !== 'bad' &&
    measuredOf(record.data.resource).some(({ number }) => number !== undefined)
  const history = useQuery({ ...historyQuery(code ?? ''), enabled: hasHistory })
  // What stands below the plot comes with it.
  const isAwaited = hasHistory && isFirstAnswerAwaited(history)
  const title = record.data === undefined ? t('record.title') : (titleOf(record.data.resource) ?? t('record.title'))
  useTitle(`${me.name}, ${title}`)
  const back = (
    <Link href="/patient" className="th-back">
      <IconArrowLeft size={18} aria-hidden /> {t('record.back')}
    </Link>
  )
  if (record.isPending)
    return (
      <>
        {back}
        {<Loading />}
      </>
    )
  if (record.isError && codeOfError(record.error) === 'RECORD_ERASED') {
    return (
      <>
        {back}
        <Erased id={id} />
      </>
    )
  }
  if (record.isError)
    return (
      <>
        {back}
        {<Problem error={record.error} again={record.refetch} />}
      </>
    )
  const opened = record.data
  const { resource, report, author } = opened
  const isAsking = opened.asksFirst && !wasOpened(choices, id)
  const isBad = sealView(words, report).tone === 'bad'
  const isFolded = isBad && !isShownAnyway
  const isInError = isWrittenInError(resource)
  const dateText = dateTextOf(resource)
  return (
    <article>
      {back}
      <div className="th-title-row">
        <h1>{title}</h1>
        <Seal report={report} title={title} onOpen={() => setIsPanelOpen(true)} />
      </div>
      <p className="th-dimmed">
        {isAsking ? undefined : <PlainWord resource={resource} />}
        {dateText === undefined ? undefined : (
          <>
            <FhirDate text={dateText} /> ·{' '}
          </>
        )}
        {author.name}
      </p>
      {isAsking ? (
        <AsksFirst
          record={id}
          choices={choices}
          onChoose={(choice) => {
            keepChoice(me.id, choice)
            setChoices(readChoices(me.id))
          }}
        />
      ) : (
        <>
          {isFolded ? (
            <FailedCheck opened={opened} title={title} onShow={() => setIsShownAnyway(true)} />
          ) : (
            <>
              {isInError ? <p className="th-state">{t('record.in-error.line')}</p> : undefined}
              <ResourceView resource={resource} hasInterpretation={!isBad && !isInError} />
              {code === undefined || !hasHistory ? undefined : (
                <LabHistory code={code} title={title} patientName={me.name} current={id} choices={choices} />
              )}
            </>
          )}
        </>
      )}
      {isAwaited ? undefined : (
        <>
          {isAsking ? undefined : (
            <>
              <Versions
                id={id}
                shown={opened.version}
                onShow={(next) => setParams(next === undefined ? {} : { version: String(next) })}
              />
              {isFolded ? undefined : <Data id={id} version={opened.version} />}
            </>
          )}
          <p>
            <Link href={`/patient/access?record=${id}`} className="th-back">
              {t('record.share')}
            </Link>
          </p>
          <Erase id={id} opened={opened} title={title} />
        </>
      )}
      <RecordSealPanel
        isOpen={isPanelOpen}
        onClose={() => setIsPanelOpen(false)}
        opened={opened}
        title={title}
        canCompare={!isAsking}
        {...(version === undefined ? {} : { version })}
      />
    </article>
  )
}

/** The marker that stays; it says so once it was checked. */
function Erased({ id }: { readonly id: string }): ReactNode {
  const { t, date } = useWords()
  const erased = useQuery(queries.erased(id)).data
  const erasedMs = erased?.report.marker.erasedMs
  return (
    <article>
      <div className="th-title-row">
        <h1>{t('record.title')}</h1>
        <ErasedSeal id={id} isAsked />
      </div>
      {erased === undefined || erasedMs === undefined ? undefined : (
        <p>{t('record.erased', { date: date(erased.writtenMs), erased: date(erasedMs) })}</p>
      )}
    </article>
  )
}

/** Read from the worker when it is unfolded. */
function Data({ id, version }: { readonly id: string; readonly version: number }): ReactNode {
  const { t } = useWords()
  const [isOpen, setIsOpen] = useState(false)
  const data = useQuery({
    queryKey: ['patient', 'data', id, version],
    queryFn: () => patient.data(id, version),
    enabled: isOpen,
    gcTime: 0,
  })
  return (
    <details className="th-details" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{t('record.data')}</summary>
      {data.isError ? <Problem error={data.error} again={data.refetch} /> : undefined}
      <pre className="th-data">{data.data}</pre>
    </details>
  )
}
