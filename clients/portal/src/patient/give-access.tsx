/**
 * Giving access: a sheet that is filled in already, one sentence whose parts can be changed, one button.
 *
 * @module
 */
import { Button, Checkbox, SegmentedControl } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { EHR_TYPES } from '../../../../shared/protocol/src/ehr-types.ts'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { dayOf, endOf } from '../shell/day.ts'
import { DayField } from '../shell/day-field.tsx'
import { Sheet } from '../shell/sheet.tsx'
import type { AppointmentLine, GiveTerms, RecordLine } from './patient-area.ts'
import { patient, queries } from './queries.ts'
import { reaches, reachText, type Reach } from './reach.ts'
import { RecordPicker } from './record-picker.tsx'

export interface Grantee {
  readonly ref: string
  readonly name: string
  readonly place: string
  /** The other hospital whose list names the grantee. */
  readonly listedBy?: string
}

const DAY_MS = 86_400_000
const PURPOSES = ['TREAT', 'FAMRQT', 'HRESCH'] as const satisfies readonly GiveTerms['purpose'][]
const WAYS = ['kinds', 'except', 'records'] as const
const TERMS = ['visit', '30', '365', 'date'] as const

export function GiveAccess({
  grantee,
  record,
  onClose,
}: {
  readonly grantee: Grantee
  /** Given where access to this one record is asked for. */
  readonly record?: string
  readonly onClose: () => void
}): ReactNode {
  const words = useWords()
  const { t, rich, date, moment } = words
  const cache = useQueryClient()
  const [way, setWay] = useState<(typeof WAYS)[number]>(record === undefined ? 'kinds' : 'records')
  const [scope, setScope] = useState<readonly string[]>(['lab', 'medicine'])
  const [records, setRecords] = useState<readonly string[]>(record === undefined ? [] : [record])
  const [except, setExcept] = useState<readonly string[]>([])
  const lines = useQuery(queries.choices).data
  const reach = reachOf(way, { scope, records, except })
  const hasNothing = way === 'records' && records.length === 0
  const [purpose, setPurpose] = useState<GiveTerms['purpose']>('TREAT')
  const [term, setTerm] = useState<(typeof TERMS)[number]>('30')
  const [day, setDay] = useState(() => dayOf(Date.now() + 30 * DAY_MS))
  const visitEndsMs = nextVisitEndsMs(useQuery(queries.appointments).data ?? [], grantee.ref)
  const untilMs = term === 'date' ? endOf(day) : term === 'visit' ? visitEndsMs : Date.now() + Number(term) * DAY_MS
  const untilText = untilMs === undefined ? '' : term === 'visit' ? moment(untilMs) : date(untilMs)
  const dayProblem = untilMs === undefined ? 'day.problem' : untilMs <= Date.now() ? 'day.problem.past' : undefined
  const { listedBy } = grantee
  const listed = useQuery({ ...queries.listed(listedBy ?? '', grantee.ref), enabled: listedBy !== undefined })
  const isKnown = listedBy === undefined || listed.isSuccess
  const give = useMutation({
    mutationFn: (until: number) =>
      patient.give({
        grantee: grantee.ref,
        ...reach,
        purpose,
        untilMs: until,
        ...(listedBy === undefined ? {} : { listedBy }),
      }),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['patient', 'grants'] }),
  })
  return (
    <Sheet isOpen onClose={onClose} title={t('access.give.title')}>
      {give.isSuccess ? (
        <div role="status">
          <h2>{t('access.give.done', { name: grantee.name })}</h2>
          <p>{t('access.give.done.line', { kinds: reachText(words, reach, lines), until: date(give.variables) })}</p>
          {lines === undefined ? undefined : (
            <p>
              {t('access.give.done.count', {
                name: grantee.name,
                count: lines.filter((line) => reaches(reach, line)).length,
              })}
            </p>
          )}
          <p className="th-dimmed">{t('permission.done.block', { block: give.data.block })}</p>
          <Button onClick={onClose}>{t('action.close')}</Button>
        </div>
      ) : (
        <>
          <p className="th-sentence">
            {rich('access.give.sentence', {
              name: grantee.place === '' ? grantee.name : `${grantee.name} (${grantee.place})`,
              kinds: hasNothing ? t('access.give.records.none') : reachText(words, reach, lines),
              purpose: t(`purpose.${purpose}`),
              until: dayProblem === undefined && untilMs !== undefined ? untilText : '…',
            })}
          </p>
          {listedBy === undefined ? undefined : (
            <p className="th-dimmed" role="status">
              {listed.isSuccess
                ? t('access.give.listed', { hospital: grantee.place, member: listed.data })
                : listed.isError
                  ? t('access.give.listed.not')
                  : t('access.give.listed.asking')}
            </p>
          )}
          {listed.isError ? <Problem error={listed.error} again={listed.refetch} /> : undefined}
          <fieldset className="th-fieldset">
            <legend>{t('access.give.kinds')}</legend>
            <SegmentedControl
              fullWidth
              aria-label={t('access.give.kinds')}
              value={way}
              onChange={(next) => setWay(next)}
              data={WAYS.map((value) => ({ value, label: t(`access.give.way.${value}`) }))}
            />
            {way === 'kinds' ? <Kinds scope={scope} lines={lines} onChange={setScope} /> : undefined}
          </fieldset>
          {way === 'records' ? (
            <RecordPicker legend={t('access.give.records')} chosen={records} onChange={setRecords} />
          ) : undefined}
          {way === 'except' ? (
            <RecordPicker legend={t('access.give.except')} chosen={except} onChange={setExcept} />
          ) : undefined}
          {way === 'except' && except.length > 0 ? (
            <p className="th-dimmed">{t('access.give.except.note')}</p>
          ) : undefined}
          <fieldset className="th-fieldset">
            <legend>{t('access.give.purpose')}</legend>
            <SegmentedControl
              fullWidth
              aria-label={t('access.give.purpose')}
              value={purpose}
              onChange={(next) => setPurpose(next)}
              data={PURPOSES.map((value) => ({ value, label: t(`purpose.${value}`) }))}
            />
          </fieldset>
          <fieldset className="th-fieldset">
            <legend>{t('access.give.until')}</legend>
            <SegmentedControl
              fullWidth
              aria-label={t('access.give.until')}
              value={term}
              onChange={(next) => setTerm(next)}
              data={TERMS.filter((value) => value !== 'visit' || visitEndsMs !== undefined).map((value) => ({
                value,
                label: t(`access.give.term.${value}`),
              }))}
            />
            {term === 'date' ? (
              <DayField
                label={t('access.give.date')}
                value={day}
                onChange={setDay}
                error={dayProblem === undefined ? undefined : t(dayProblem)}
              />
            ) : undefined}
          </fieldset>
          {give.isError ? <Problem error={give.error} /> : undefined}
          <p className="th-dimmed">{t('permission.note')}</p>
          <div className="th-actions th-sheet-actions">
            <Button
              loading={give.isPending}
              disabled={hasNothing || !isKnown || dayProblem !== undefined}
              onClick={() => (untilMs === undefined ? undefined : give.mutate(untilMs))}
            >
              {t('access.give.action')}
            </Button>
            <Button variant="default" onClick={onClose}>
              {t('action.cancel')}
            </Button>
          </div>
        </>
      )}
    </Sheet>
  )
}

/** Of the visit with this doctor that is now or comes next; undefined: none is booked here. */
function nextVisitEndsMs(appointments: readonly AppointmentLine[], doctor: string): number | undefined {
  const ends = appointments.filter(({ doctors }) => doctors.some(({ ref }) => ref === doctor)).map(({ endMs }) => endMs)
  const coming = ends.filter((endMs) => endMs > Date.now())
  return coming.length === 0 ? undefined : Math.min(...coming)
}

function Kinds({
  scope,
  lines,
  onChange,
}: {
  readonly scope: readonly string[]
  readonly lines: readonly RecordLine[] | undefined
  readonly onChange: (scope: readonly string[]) => void
}): ReactNode {
  const { t } = useWords()
  return (
    <div className="th-checkboxes">
      {EHR_TYPES.map((kind) => {
        const count = lines?.filter(({ ehrType }) => ehrType === kind).length
        const name = t(`kind.${kind}.many`)
        return (
          <Checkbox
            key={kind}
            label={count === undefined || count === 0 ? name : t('access.give.kind.count', { kinds: name, count })}
            checked={scope.includes(kind)}
            onChange={(event) => {
              const next = event.currentTarget.checked ? [...scope, kind] : scope.filter((one) => one !== kind)
              if (next.length > 0) onChange(next)
            }}
          />
        )
      })}
    </div>
  )
}

function reachOf(way: (typeof WAYS)[number], { scope, records, except }: Reach): Reach {
  if (way === 'kinds') return { scope, records: [], except: [] }
  return way === 'records' ? { scope: ['*'], records, except: [] } : { scope: ['*'], records: [], except }
}
