/**
 * A patient's records for reading fast: labs with value, flag, a small line of the last results and the usual range; the
 * rest as rows. Each row is read and checked, and opens in place.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useQueries, useQuery } from '@tanstack/react-query'
import { IconPencil } from '@tabler/icons-react'
import { lazy, Suspense, useMemo, useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { codeKeyOf, dateTextOf, isWrittenInError, measuredOf, timeOf, type Measured } from '../fhir/read.ts'
import { FhirDate } from '../fhir/fhir-date.tsx'
import { ResourceView } from '../fhir/resource-view.tsx'
import { RangeText, ValueText } from '../fhir/value-text.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Seal } from '../seal/seal.tsx'
import { sealView } from '../seal/seal-view.ts'
import type { OpenedRecord } from '../session/opened-record.ts'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { RecordSeal } from './record-seal.tsx'
import { queries } from './queries.ts'
import { Sparkline } from './sparkline.tsx'
import type { View } from './views.ts'

const Correct = lazy(async () => ({ default: (await import('./correct.tsx')).Correct }))

/** Records that one screen reads and checks. */
const MAX_READ = 80

const KINDS: Readonly<Record<View, readonly string[] | undefined>> = {
  all: undefined,
  problems: ['condition', 'allergy', 'procedure'],
  labs: ['lab', 'vital-signs'],
  medicines: ['medicine', 'immunization'],
  notes: ['encounter', 'document', 'careplan', 'imaging'],
}

interface ChartProps {
  readonly patient: string
  readonly view: View
  /** Without a permission of the patient nothing can be corrected. */
  readonly mayWrite: boolean
}

export function Chart({ patient, view, mayWrite }: ChartProps): ReactNode {
  const { t } = useWords()
  const list = useQuery(queries.records(patient))
  const wanted = KINDS[view]
  const items = useMemo(
    () =>
      (list.data ?? [])
        .filter(({ ehrType, erasedMs }) => erasedMs === undefined && (wanted === undefined || wanted.includes(ehrType)))
        .slice(0, MAX_READ),
    [list.data, wanted],
  )
  const records = useQueries({ queries: items.map(({ record }) => queries.record(record)) })
  if (list.isPending) return <Loading rows={6} />
  if (list.isError) return <Problem error={list.error} again={list.refetch} />
  if (items.length === 0) {
    return <div className="th-empty">{t(list.data.length === 0 ? 'doctor.chart.empty' : 'doctor.chart.filtered')}</div>
  }
  const opened = records.flatMap(({ data }) => (data === undefined ? [] : [data]))
  return (
    <>
      {view === 'labs' ? <Labs records={opened} /> : undefined}
      <ul className="th-list">
        {items.map(({ record, title, dateMs, storedMs, authorName }, i) => (
          <Row
            key={record}
            title={title}
            note={{ dateMs: dateMs ?? storedMs, authorName }}
            opened={records[i]?.data}
            error={records[i]?.error ?? null}
            correctsFor={mayWrite ? patient : undefined}
          />
        ))}
      </ul>
    </>
  )
}

interface RowProps {
  readonly title: string
  readonly note: { readonly dateMs: number; readonly authorName: string }
  readonly opened: OpenedRecord | undefined
  readonly error: Error | null
  /** The patient, where a correction may be written. */
  readonly correctsFor: string | undefined
}

function Row({ title, note, opened, error, correctsFor }: RowProps): ReactNode {
  const words = useWords()
  const { t, date } = words
  const [isOpen, setIsOpen] = useState(false)
  const [isPanelOpen, setIsPanelOpen] = useState(false)
  const [isCorrecting, setIsCorrecting] = useState(false)
  const isInError = opened !== undefined && isWrittenInError(opened.resource)
  const isBad = sealView(words, opened?.report).tone === 'bad'
  const isObservation = opened?.resource['resourceType'] === 'Observation'
  const text = opened === undefined ? undefined : dateTextOf(opened.resource)
  return (
    <li className="th-record">
      <div className="th-record-head">
        <button
          type="button"
          className="th-record-open"
          aria-expanded={isOpen}
          disabled={opened === undefined}
          onClick={() => setIsOpen(!isOpen)}
        >
          <b>{title}</b>{' '}
          {opened !== undefined && isObservation && !isBad && !isInError
            ? measuredOf(opened.resource)
                .slice(0, 2)
                .map((one) => <ValueText key={one.name} measured={one} />)
            : undefined}
          <span className="th-dimmed">
            {text === undefined ? date(note.dateMs) : <FhirDate text={text} />} · {note.authorName}
            {isInError ? ` · ${t('record.in-error')}` : ''}
            {opened !== undefined && opened.latestVersion > 1 && !isInError
              ? ` · ${t('doctor.correct.corrected', { version: opened.latestVersion })}`
              : ''}
          </span>
        </button>
        {error === null ? (
          <Seal
            report={opened?.report}
            isRunning={opened === undefined}
            isShort
            title={title}
            onOpen={() => setIsPanelOpen(true)}
          />
        ) : undefined}
      </div>
      {error === null ? undefined : <Problem error={error} />}
      {isOpen && opened !== undefined ? (
        isBad ? (
          <div className="th-problem" data-tone="bad" role="alert">
            <p>{sealView(words, opened.report).line}</p>
          </div>
        ) : (
          <div className="th-record-body">
            {isInError ? <p className="th-state">{t('record.in-error.line')}</p> : undefined}
            <ResourceView resource={opened.resource} hasInterpretation={!isInError} />
            {correctsFor === undefined ? undefined : isCorrecting ? (
              <Suspense>
                <Correct
                  patient={correctsFor}
                  record={opened.recordId}
                  title={title}
                  onClose={() => setIsCorrecting(false)}
                />
              </Suspense>
            ) : (
              <Button
                size="xs"
                variant="default"
                leftSection={<IconPencil size={16} aria-hidden />}
                aria-label={t('doctor.correct.open', { title })}
                onClick={() => setIsCorrecting(true)}
              >
                {t('doctor.correct.action')}
              </Button>
            )}
          </div>
        )
      ) : undefined}
      {opened === undefined ? undefined : (
        <RecordSeal isOpen={isPanelOpen} onClose={() => setIsPanelOpen(false)} opened={opened} title={title} />
      )}
      <span className="th-hidden">{isBad ? t('seal.wrong.word') : ''}</span>
    </li>
  )
}

interface Series {
  readonly key: string
  readonly name: string
  /** Oldest first. */
  readonly points: readonly { readonly timeMs: number; readonly measured: Measured }[]
}

/** Results that were checked and found wrong, or written in error, make no point. */
function seriesOf(records: readonly OpenedRecord[]): readonly Series[] {
  const all = new Map<string, { name: string; points: { timeMs: number; measured: Measured }[] }>()
  for (const { resource, report } of records) {
    if (isWrittenInError(resource)) continue
    if (resource['resourceType'] !== 'Observation' || report.checks.some(({ result }) => result === 'fail')) continue
    const timeMs = timeOf(dateTextOf(resource))
    for (const measured of measuredOf(resource)) {
      const key = `${codeKeyOf(resource) ?? ''} ${measured.name} ${measured.unit}`
      const series = all.get(key) ?? { name: measured.name, points: [] }
      if (!Number.isNaN(timeMs)) series.points.push({ timeMs, measured })
      all.set(key, series)
    }
  }
  return [...all].map(([key, { name, points }]) => ({
    key,
    name,
    points: points.toSorted((a, b) => a.timeMs - b.timeMs),
  }))
}

function Labs({ records }: { readonly records: readonly OpenedRecord[] }): ReactNode {
  const { t, date } = useWords()
  const series = seriesOf(records).filter(({ points }) => points.length > 0)
  if (series.length === 0) return undefined
  return (
    <SheetTable
      caption={t('doctor.labs.caption')}
      words="doctor.labs"
      columns={['name', 'latest', 'course', 'range', 'date']}
    >
      {series.map(({ key, name, points }) => {
        const latest = points.at(-1)
        if (latest === undefined) return undefined
        return (
          <tr key={key}>
            <td data-label={t('doctor.labs.name')}>{name}</td>
            <td data-label={t('doctor.labs.latest')}>
              <ValueText measured={latest.measured} />
            </td>
            <td data-label={t('doctor.labs.course')}>
              <Sparkline
                label={t('doctor.labs.points', { count: points.length, name })}
                points={points.flatMap(({ timeMs, measured }) =>
                  measured.number === undefined ? [] : [{ timeMs, value: measured.number }],
                )}
                low={latest.measured.low}
                high={latest.measured.high}
              />
            </td>
            <td data-label={t('doctor.labs.range')}>
              <RangeText measured={latest.measured} />
            </td>
            <td data-label={t('doctor.labs.date')}>
              <time>{date(latest.timeMs)}</time>
            </td>
          </tr>
        )
      })}
    </SheetTable>
  )
}
