/**
 * The doctor's first screen: who comes, whether the records may be opened, and the next step of each.
 *
 * @module
 */
import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconAmbulance, IconSearch } from '@tabler/icons-react'
import { lazy, Suspense, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { useTitle } from '../shell/title.ts'
import type { PatientRow } from './doctor-area.ts'
import { ageOf } from './model/banner.ts'
import { PermissionText } from './permission-text.tsx'
import { doctor, queries } from './queries.ts'

const EmergencySheet = lazy(async () => ({ default: (await import('./emergency-sheet.tsx')).EmergencySheet }))

export function Day(): ReactNode {
  const { t, weekday } = useWords()
  const [wanted, setWanted] = useState('')
  const [emergency, setEmergency] = useState<PatientRow>()
  const day = useQuery(queries.day)
  const drafts = useQuery(queries.drafts)
  const entitled = useQuery(queries.entitled)
  const title = t('doctor.day.title', { date: weekday(Date.now()) })
  useTitle(title)
  if (day.isPending) return <Loading rows={6} />
  if (day.isError) return <Problem error={day.error} again={day.refetch} />
  const matches = (row: PatientRow) => row.name.toLowerCase().includes(wanted.trim().toLowerCase())
  const table = (rows: readonly PatientRow[], caption: string) => (
    <PatientTable
      rows={rows.filter(matches)}
      caption={caption}
      isEntitled={entitled.data === true}
      onEmergency={setEmergency}
    />
  )
  const { rows, others, isLedgerUp } = day.data
  const names = new Map([...rows, ...others].map(({ patient, name }) => [patient, name]))
  return (
    <>
      <h1>{title}</h1>
      {isLedgerUp ? undefined : (
        <div className="th-banner" data-tone="wait" role="status">
          {t('doctor.day.noledger')}
        </div>
      )}
      <div className="th-find">
        <TextInput
          type="search"
          label={t('doctor.find.label')}
          leftSection={<IconSearch size={18} aria-hidden />}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      </div>
      {rows.length === 0 && others.length === 0 ? <div className="th-empty">{t('doctor.day.empty')}</div> : undefined}
      {rows.length > 0 ? (
        table(rows, t('doctor.day.booked'))
      ) : others.length > 0 ? (
        <p>{t('doctor.day.free')}</p>
      ) : undefined}
      {others.length === 0 ? undefined : table(others, t('doctor.day.others'))}
      {wanted.trim() !== '' && ![...rows, ...others].some(matches) ? (
        <p role="status">{t('doctor.find.none', { name: wanted.trim() })}</p>
      ) : undefined}
      {(drafts.data ?? []).length === 0 ? undefined : (
        <section aria-labelledby="drafts">
          <h2 id="drafts">{t('doctor.drafts.title')}</h2>
          <p className="th-dimmed">{t('doctor.drafts.line')}</p>
          <ul>
            {drafts.data?.map((draft) => (
              <DraftLine key={draft.id} draft={draft} name={names.get(draft.patient) ?? draft.patient.slice(0, 10)} />
            ))}
          </ul>
        </section>
      )}
      {emergency === undefined ? undefined : (
        <Suspense>
          <EmergencySheet row={emergency} onClose={() => setEmergency(undefined)} />
        </Suspense>
      )}
    </>
  )
}

function DraftLine({
  draft,
  name,
}: {
  readonly draft: { readonly id: string; readonly patient: string; readonly savedMs: number }
  readonly name: string
}): ReactNode {
  const { t, moment } = useWords()
  return (
    <li>
      <Link href={`/doctor/patient/${draft.patient}?draft=${draft.id}`}>
        {t('doctor.drafts.open', { name, moment: moment(draft.savedMs) })}
      </Link>
    </li>
  )
}

function Age({ birthDate }: { readonly birthDate: string | undefined }): ReactNode {
  const { t } = useWords()
  const age = birthDate === undefined ? undefined : ageOf(birthDate, Date.now())
  return age === undefined ? undefined : <span className="th-dimmed">{t('doctor.day.age', { age })}</span>
}

/** Once an hour, as the hospital notes it. */
const REMIND_EVERY_MS = 60 * 60_000

function Remind({ row, appointment }: { readonly row: PatientRow; readonly appointment: string }): ReactNode {
  const { t, moment } = useWords()
  const cache = useQueryClient()
  const remind = useMutation({
    mutationFn: () => doctor.remind(appointment),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.day.queryKey }),
  })
  const { remindedMs } = row
  if (remindedMs !== undefined && Date.now() < remindedMs + REMIND_EVERY_MS) {
    return <span className="th-dimmed">{t('doctor.step.reminded', { moment: moment(remindedMs) })}</span>
  }
  return (
    <>
      <Button size="xs" variant="default" loading={remind.isPending} onClick={() => remind.mutate()}>
        {t('doctor.step.remind')}
        <span className="th-hidden">{row.name}</span>
      </Button>
      {remind.isError ? <Problem error={remind.error} /> : undefined}
    </>
  )
}

interface PatientTableProps {
  readonly rows: readonly PatientRow[]
  readonly caption: string
  readonly isEntitled: boolean
  readonly onEmergency: (row: PatientRow) => void
}

function PatientTable({ rows, caption, isEntitled, onEmergency }: PatientTableProps): ReactNode {
  const { t, moment } = useWords()
  if (rows.length === 0) return undefined
  return (
    <SheetTable caption={caption} words="doctor.column" columns={['time', 'patient', 'permission', 'step']}>
      {rows.map((row) => (
        <tr key={`${row.patient} ${row.startMs ?? ''}`}>
          <td data-label={t('doctor.column.time')}>{row.startMs === undefined ? undefined : moment(row.startMs)}</td>
          <td data-label={t('doctor.column.patient')}>
            <Link href={`/doctor/patient/${row.patient}`}>{row.name}</Link> <Age birthDate={row.birthDate} />
          </td>
          <td data-label={t('doctor.column.permission')}>
            {row.turn === undefined ? (
              <PermissionText permission={row.permission} />
            ) : (
              t('doctor.turn.mine', { place: row.turn.place, count: row.turn.count })
            )}
          </td>
          <td>
            <div className="th-row-actions">
              {row.turn === undefined ? (
                row.permission.state === 'holds' ? (
                  <Button component={Link} href={`/doctor/patient/${row.patient}`} size="xs">
                    {t('doctor.step.open')}
                    <span className="th-hidden">{row.name}</span>
                  </Button>
                ) : undefined
              ) : (
                <Button component={Link} href={`/doctor/group/${row.turn.chainId}`} size="xs">
                  {t('doctor.step.continue')}
                  <span className="th-hidden">{row.name}</span>
                </Button>
              )}
              {row.permission.state === 'waiting' && row.appointment !== undefined ? (
                <Remind row={row} appointment={row.appointment} />
              ) : undefined}
              {row.permission.state !== 'holds' && isEntitled ? (
                <Button
                  size="xs"
                  variant="default"
                  leftSection={<IconAmbulance size={16} aria-hidden />}
                  onClick={() => onEmergency(row)}
                >
                  {t('doctor.step.emergency')}
                  <span className="th-hidden">{row.name}</span>
                </Button>
              ) : undefined}
            </div>
          </td>
        </tr>
      ))}
    </SheetTable>
  )
}
