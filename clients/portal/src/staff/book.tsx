/**
 * Booking: who, with whom (the order is the order of a group), from when; and what is booked. The patient is asked for
 * permission on the own device.
 *
 * @module
 */
import { Autocomplete, Button, Checkbox, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { dayText, momentOf, NO_DAY } from '../shell/day.ts'
import { DayField } from '../shell/day-field.tsx'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { useTitle } from '../shell/title.ts'
import { queries, staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'

/** 00:00, 00:30 to 23:30. */
const HALF_HOURS = Array.from(
  { length: 48 },
  (_, i) => `${String(i >> 1).padStart(2, '0')}:${i % 2 === 0 ? '00' : '30'}`,
)

export function Book(): ReactNode {
  const { t, moment } = useWords()
  const cache = useQueryClient()
  const patients = useQuery(queries.patients)
  const doctors = useQuery(queries.doctors)
  const [patientText, setPatientText] = useState('')
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [day, setDay] = useState(NO_DAY)
  const [clock, setClock] = useState('08:00')
  const [reason, setReason] = useState('')
  const [wasTried, setWasTried] = useState(false)
  useTitle(t('staff.nav.book'))
  const labels = new Map((patients.data ?? []).map(({ ref, name }) => [`${name} · ${ref.slice(0, 8)}`, ref]))
  const patient = labels.get(patientText)
  const isNoDay = dayText(day) === undefined
  const book = useMutation({
    mutationFn: ({ ref, fromMs }: { readonly ref: string; readonly fromMs: number }) => {
      const first = doctors.data?.find((one) => one.ref === chosen[0])
      return staff.book({
        patient: ref,
        doctors: chosen,
        department: first?.department ?? 'General',
        fromMs,
        symptoms: reason,
      })
    },
    onSuccess: () => void cache.invalidateQueries({ queryKey: ['staff'] }),
  })
  if (patients.isPending || doctors.isPending) return <Loading />
  if (patients.isError) return <StaffProblem error={patients.error} again={patients.refetch} />
  if (doctors.isError) return <StaffProblem error={doctors.error} again={doctors.refetch} />
  return (
    <>
      <h1>{t('staff.nav.book')}</h1>
      <form
        className="th-fields"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setWasTried(true)
          if (patient !== undefined && chosen.length > 0 && !isNoDay) {
            book.mutate({ ref: patient, fromMs: momentOf(day, clock) ?? Date.now() })
          }
        }}
      >
        <Autocomplete
          label={t('staff.book.patient')}
          value={patientText}
          onChange={setPatientText}
          data={[...labels.keys()]
            .filter((label) => label.toLowerCase().includes(patientText.toLowerCase()))
            .slice(0, 12)}
          filter={({ options }) => options}
          error={wasTried && patient === undefined ? t('staff.book.nopatient') : undefined}
        />
        <Checkbox.Group
          label={t('staff.book.doctors')}
          description={t('staff.book.order')}
          value={[...chosen]}
          onChange={setChosen}
          error={wasTried && chosen.length === 0 ? t('staff.book.nodoctor') : undefined}
        >
          <div className="th-choices">
            {doctors.data.map(({ ref, name, department }) => (
              <Checkbox
                key={ref}
                value={ref}
                label={t('staff.book.doctor', {
                  name,
                  department,
                  place: chosen.length > 1 && chosen.includes(ref) ? chosen.indexOf(ref) + 1 : 0,
                })}
              />
            ))}
          </div>
        </Checkbox.Group>
        <DayField
          label={t('staff.book.from')}
          description={t('staff.book.from.line')}
          value={day}
          onChange={setDay}
          error={wasTried && isNoDay ? t('day.problem') : undefined}
        />
        {dayText(day) === '' ? undefined : (
          <NativeSelect
            label={t('staff.book.clock')}
            value={clock}
            onChange={(event) => setClock(event.currentTarget.value)}
            data={HALF_HOURS}
          />
        )}
        <TextInput
          label={t('staff.book.reason')}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {book.isError ? <StaffProblem error={book.error} /> : undefined}
        {book.data === undefined ? undefined : (
          <p role="status">{t('staff.book.done', { moment: moment(book.data.startMs), place: book.data.place })}</p>
        )}
        <div className="th-actions">
          <Button type="submit" loading={book.isPending}>
            {t('staff.book.action')}
          </Button>
        </div>
      </form>
      <Booked />
    </>
  )
}

function Booked(): ReactNode {
  const { t, moment, list } = useWords()
  const appointments = useQuery(queries.appointments)
  if (appointments.isPending) return <Loading rows={3} />
  if (appointments.isError) return <StaffProblem error={appointments.error} again={appointments.refetch} />
  const rows = appointments.data.toSorted((a, b) => b.startMs - a.startMs)
  if (rows.length === 0) return <div className="th-empty">{t('staff.booked.none')}</div>
  return (
    <SheetTable
      caption={t('staff.booked.caption', { count: rows.length })}
      words="staff.column"
      columns={['time', 'patient', 'doctors', 'place']}
    >
      {rows.map(({ id, startMs, patientName, doctors, place }) => (
        <tr key={id}>
          <td data-label={t('staff.column.time')}>{moment(startMs)}</td>
          <td data-label={t('staff.column.patient')}>{patientName}</td>
          <td data-label={t('staff.column.doctors')}>{list(doctors)}</td>
          <td data-label={t('staff.column.place')}>{place}</td>
        </tr>
      ))}
    </SheetTable>
  )
}
