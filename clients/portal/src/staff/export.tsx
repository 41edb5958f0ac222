/**
 * Exports: what of whom, a bar while the hospital collects it, files to save. The job goes on while the page is closed.
 *
 * @module
 */
import { Button, Checkbox, SegmentedControl } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconDownload } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { dayText, NO_DAY } from '../shell/day.ts'
import { DayField } from '../shell/day-field.tsx'
import { saveFile } from '../shell/save-file.ts'
import { SheetTable } from '../shell/sheet-table.tsx'
import { useTitle } from '../shell/title.ts'
import type { ExportFile, ExportState } from './export-functions.ts'
import { queries, staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'

const LEVELS = ['patients', 'system'] as const
const KINDS = [
  'Patient',
  'Encounter',
  'Observation',
  'Condition',
  'MedicationRequest',
  'Procedure',
  'DiagnosticReport',
  'DocumentReference',
  'AllergyIntolerance',
  'Immunization',
] as const
const NDJSON = 'application/fhir+ndjson'

export function Export(): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const state = useQuery(queries.exportState)
  useTitle(t('staff.nav.export'))
  const keep = (next: ExportState) => cache.setQueryData(queries.exportState.queryKey, next)
  const end = useMutation({ mutationFn: () => staff.endExport(), onSuccess: keep })
  return (
    <>
      <h1>{t('staff.nav.export')}</h1>
      <p>{t('staff.export.line')}</p>
      <p>
        <b>{t('staff.export.care')}</b>
      </p>
      {state.isPending ? <Loading rows={3} /> : undefined}
      {state.isError ? <StaffProblem error={state.error} again={state.refetch} /> : undefined}
      {end.isError ? <StaffProblem error={end.error} /> : undefined}
      {state.data === undefined ? undefined : state.data.state === 'none' ? (
        <Wish onStarted={keep} />
      ) : (
        <>
          <Job state={state.data} />
          <div className="th-actions">
            <Button variant="default" loading={end.isPending} onClick={() => end.mutate()}>
              {t(state.data.state === 'running' ? 'staff.export.stop' : 'staff.export.remove')}
            </Button>
          </div>
        </>
      )}
    </>
  )
}

function Wish({ onStarted }: { readonly onStarted: (state: ExportState) => void }): ReactNode {
  const { t } = useWords()
  const [level, setLevel] = useState<(typeof LEVELS)[number]>('patients')
  const [types, setTypes] = useState<readonly string[]>([])
  const [day, setDay] = useState(NO_DAY)
  const [wasTried, setWasTried] = useState(false)
  const since = dayText(day)
  const start = useMutation({
    mutationFn: (wish: { readonly since: string }) => staff.startExport({ level, types, ...wish }),
    onSuccess: onStarted,
  })
  return (
    <form
      className="th-fields"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        setWasTried(true)
        if (since !== undefined) start.mutate({ since })
      }}
    >
      <SegmentedControl
        aria-label={t('staff.export.level')}
        value={level}
        onChange={setLevel}
        data={LEVELS.map((value) => ({ value, label: t(`staff.export.${value}`) }))}
      />
      <Checkbox.Group
        label={t('staff.export.kinds')}
        description={t('staff.export.kinds.line')}
        value={[...types]}
        onChange={setTypes}
      >
        <div className="th-choices">
          {KINDS.map((kind) => (
            <Checkbox key={kind} value={kind} label={t(`staff.export.kind.${kind}`)} />
          ))}
        </div>
      </Checkbox.Group>
      <DayField
        label={t('staff.export.since')}
        description={t('staff.export.since.line')}
        value={day}
        onChange={setDay}
        error={wasTried && since === undefined ? t('day.problem') : undefined}
      />
      {start.isError ? <StaffProblem error={start.error} /> : undefined}
      <div className="th-actions">
        <Button type="submit" loading={start.isPending}>
          {t('staff.export.start')}
        </Button>
      </div>
    </form>
  )
}

function Job({ state }: { readonly state: Exclude<ExportState, { readonly state: 'none' }> }): ReactNode {
  const { t, number, moment } = useWords()
  if (state.state === 'failed') return <Failed code={state.code} />
  if (state.state === 'running') {
    const { done, total, startedMs } = state
    return (
      <section aria-label={t('staff.export.running')}>
        <div
          className="th-progress"
          role="progressbar"
          aria-label={t('staff.export.running')}
          aria-valuemin={0}
          aria-valuemax={Math.max(total, 1)}
          aria-valuenow={done}
        >
          <span style={{ width: `${total === 0 ? 0 : (100 * done) / total}%` }} />
        </div>
        <p className="th-bar-line">
          {t('staff.export.progress', { done: number(done), total: number(total), moment: moment(startedMs) })}
        </p>
      </section>
    )
  }
  return (
    <>
      <p role="status">
        {t('staff.export.done', { moment: moment(state.timeMs), count: sumOf(state.files) })}{' '}
        {state.refused.length === 0 ? undefined : t('staff.export.refused', { count: sumOf(state.refused) })}
      </p>
      <Files files={state.files} caption={t('staff.export.files', { count: state.files.length })} />
      {state.refused.length === 0 ? undefined : (
        <Files files={state.refused} caption={t('staff.export.files.refused', { count: state.refused.length })} />
      )}
    </>
  )
}

function Failed({ code }: { readonly code: string }): ReactNode {
  const { t, has } = useWords()
  return (
    <div className="th-problem" data-tone="bad" role="alert">
      <div>
        <p>
          <b>{t(code === 'HTTP_NOT_FOUND' ? 'staff.export.gone' : 'staff.export.failed')}</b>
        </p>
        <p>
          {code !== 'HTTP_NOT_FOUND' && has(`error.${code}.what`) ? t(`error.${code}.what`) : undefined}{' '}
          <code>{code}</code>
        </p>
      </div>
    </div>
  )
}

function Files({ files, caption }: { readonly files: readonly ExportFile[]; readonly caption: string }): ReactNode {
  const { t, number, has } = useWords()
  const save = useMutation({
    mutationFn: async ({ n, type }: ExportFile) =>
      saveFile(`${type}-${n}.ndjson`, new Blob([await staff.exportFile(n)], { type: NDJSON })),
  })
  if (files.length === 0) return <div className="th-empty">{t('staff.export.empty')}</div>
  const nameOf = (type: string) => (has(`staff.export.kind.${type}`) ? t(`staff.export.kind.${type}`) : type)
  return (
    <>
      {save.isError ? <StaffProblem error={save.error} /> : undefined}
      <SheetTable caption={caption} words="staff.column" columns={['kind', 'count', 'file']}>
        {files.map((file) => (
          <tr key={file.n}>
            <td data-label={t('staff.column.kind')}>{nameOf(file.type)}</td>
            <td data-label={t('staff.column.count')}>{number(file.count)}</td>
            <td data-label={t('staff.column.file')}>
              <Button
                size="xs"
                variant="default"
                leftSection={<IconDownload size={16} aria-hidden />}
                loading={save.isPending && save.variables.n === file.n}
                aria-label={t('staff.export.save.file', { kind: nameOf(file.type), number: file.n })}
                onClick={() => save.mutate(file)}
              >
                {t('action.save')}
              </Button>
            </td>
          </tr>
        ))}
      </SheetTable>
    </>
  )
}

function sumOf(files: readonly ExportFile[]): number {
  return files.reduce((sum, { count }) => sum + count, 0)
}
