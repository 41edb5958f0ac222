/**
 * Imports: files one after the other, each with its bar, counts and rate; what was refused stands in a table with its line
 * and reason. A stopped file goes on at its line.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { IconPlayerPlay, IconPlayerStop, IconUpload } from '@tabler/icons-react'
import { useRef, useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { useTitle } from '../shell/title.ts'
import { staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'
import type { ImportProgress } from './staff-area.ts'

interface Queued {
  readonly file: File
  readonly progress: ImportProgress | undefined
}

export function Import(): ReactNode {
  const { t } = useWords()
  const [queue, setQueue] = useState<readonly Queued[]>([])
  const input = useRef<HTMLInputElement>(null)
  useTitle(t('staff.nav.import'))
  const keep = (file: File, progress: ImportProgress) =>
    setQueue((old) => old.map((one) => (one.file === file ? { ...one, progress } : one)))
  const run = useMutation({
    mutationFn: async (files: readonly Queued[]) => {
      for (const { file, progress } of files) {
        if (progress?.isDone === true) continue
        const bytes = new Uint8Array(await file.arrayBuffer())
        const ended = await staff.importFile(file.name, bytes, progress, (now) => keep(file, now))
        keep(file, ended)
        if (!ended.isDone) return
      }
    },
  })
  const add = (files: FileList | null) => {
    const fresh = [...(files ?? [])].map((file): Queued => ({ file, progress: undefined }))
    setQueue((old) => [...old, ...fresh])
  }
  const waiting = queue.filter(({ progress }) => progress?.isDone !== true)
  const next = waiting.at(0)?.progress
  return (
    <>
      <h1>{t('staff.nav.import')}</h1>
      <p>{t('staff.import.line')}</p>
      <input
        ref={input}
        type="file"
        className="th-hidden"
        multiple
        accept=".json,.ndjson,.jsonl,application/json,application/fhir+json,application/fhir+ndjson"
        aria-label={t('staff.import.choose')}
        tabIndex={-1}
        onChange={(event) => {
          add(event.currentTarget.files)
          event.currentTarget.value = ''
        }}
      />
      <div className="th-actions">
        <Button
          variant="default"
          leftSection={<IconUpload size={18} aria-hidden />}
          onClick={() => input.current?.click()}
        >
          {t('staff.import.choose')}
        </Button>
        {run.isPending ? (
          <Button
            variant="default"
            leftSection={<IconPlayerStop size={18} aria-hidden />}
            onClick={() => void staff.stopImport()}
          >
            {t('staff.import.stop')}
          </Button>
        ) : waiting.length === 0 ? undefined : (
          <Button leftSection={<IconPlayerPlay size={18} aria-hidden />} onClick={() => run.mutate(queue)}>
            {next === undefined ? t('staff.import.start') : t('staff.import.continue', { line: next.position + 1 })}
          </Button>
        )}
      </div>
      {run.isError ? <StaffProblem error={run.error} again={() => run.mutate(queue)} /> : undefined}
      {queue.length === 0 ? <div className="th-empty">{t('staff.import.empty')}</div> : undefined}
      {queue.map(({ file, progress }, i) => (
        <FileState key={i} name={file.name} progress={progress} />
      ))}
    </>
  )
}

function FileState({
  name,
  progress,
}: {
  readonly name: string
  readonly progress: ImportProgress | undefined
}): ReactNode {
  const { t, number } = useWords()
  const settled = progress === undefined ? 0 : progress.stored + progress.refused.length
  const total = progress?.total ?? 0
  const seconds = progress === undefined ? 0 : (progress.nowMs - progress.startedMs) / 1000
  return (
    <section className="th-card" aria-label={name}>
      <h2>{name}</h2>
      <div
        className="th-progress"
        role="progressbar"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={Math.max(total, 1)}
        aria-valuenow={settled}
      >
        <span style={{ width: `${total === 0 ? 0 : (100 * settled) / total}%` }} />
      </div>
      <p className="th-bar-line" role={progress?.isDone === true ? 'status' : undefined}>
        {progress === undefined
          ? t('staff.import.waiting')
          : t(progress.isDone ? 'staff.import.done' : 'staff.import.running', {
              stored: number(progress.stored),
              refused: progress.refused.length,
              total: number(total),
              rate: number(Math.round(settled / Math.max(seconds, 0.001))),
            })}
      </p>
      {progress === undefined || progress.refused.length === 0 ? undefined : (
        <SheetTable
          caption={t('staff.import.refused', { count: progress.refused.length })}
          words="staff.import"
          columns={['line.number', 'reason', 'copy']}
        >
          {progress.refused.map(({ position, code, text }) => (
            <tr key={position}>
              <td data-label={t('staff.import.line.number')}>{number(position)}</td>
              <td data-label={t('staff.import.reason')}>
                {t(`error.${code}.what`)} <code>{code}</code>
              </td>
              <td>{text === '' ? undefined : <CopyText text={text} label={t('staff.import.copy.line')} />}</td>
            </tr>
          ))}
        </SheetTable>
      )}
    </section>
  )
}
