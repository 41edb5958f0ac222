/**
 * A page that checks a downloaded file, also without a connection. Nothing of the file leaves this browser.
 *
 * @module
 */
import '@mantine/core/styles/Progress.css'
import { Button, FileButton, Progress } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { IconFileCheck } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { SealPanel } from '../seal/seal-panel.tsx'
import { Seal, SealSummary } from '../seal/seal.tsx'
import { titleOf } from '../fhir/read.ts'
import { areaOf } from '../session/client.ts'
import { useTitle } from '../shell/title.ts'
import type { FileProgress, FileRecord, FileReport } from './file-area.ts'

const files = areaOf('file')

export function VerifyFile(): ReactNode {
  const { t } = useWords()
  const [progress, setProgress] = useState<FileProgress>()
  useTitle(t('file.title'))
  const check = useMutation({
    mutationFn: async (file: File) => await files.check(await file.text(), setProgress),
    onSettled: () => setProgress(undefined),
  })
  return (
    <section>
      <h1>{t('file.title')}</h1>
      <p>{t('file.line')}</p>
      <div className="th-actions">
        <FileButton onChange={(file) => file !== null && check.mutate(file)} accept=".json,application/json">
          {(props) => (
            <Button {...props} loading={check.isPending} leftSection={<IconFileCheck size={18} aria-hidden />}>
              {t('file.choose')}
            </Button>
          )}
        </FileButton>
      </div>
      {progress === undefined ? undefined : (
        <Progress
          value={(100 * progress.done) / Math.max(progress.total, 1)}
          aria-label={t('file.progress', { done: progress.done, total: progress.total })}
        />
      )}
      {check.isError ? <Problem error={check.error} /> : undefined}
      {check.isSuccess ? <Result report={check.data} /> : undefined}
    </section>
  )
}

function Result({ report }: { readonly report: FileReport }): ReactNode {
  const { t, moment } = useWords()
  const { records, patientName, hospital, madeMs, keys, keysFingerprint, unproven } = report
  return (
    <>
      {patientName === undefined || madeMs === undefined ? undefined : (
        <p>{t('file.of', { name: patientName, hospital: hospital ?? '', moment: moment(madeMs) })}</p>
      )}
      <div
        className="th-note"
        data-tone={keys === 'other' ? 'bad' : 'none'}
        role={keys === 'other' ? 'alert' : undefined}
      >
        <p>{t(`file.keys.${keys}`, { fingerprint: keysFingerprint })}</p>
      </div>
      {unproven === 0 ? undefined : (
        <div className="th-problem" data-tone="bad" role="alert">
          <p>{t('file.unproven', { count: unproven })}</p>
        </div>
      )}
      <SealSummary reports={records.map((record) => record.report)} />
      <ul className="th-list">
        {records.map((record) => (
          <FileRow key={`${record.report.recordId} ${record.report.version}`} record={record} hospital={hospital} />
        ))}
      </ul>
    </>
  )
}

function FileRow({
  record,
  hospital,
}: {
  readonly record: FileRecord
  readonly hospital: string | undefined
}): ReactNode {
  const { t } = useWords()
  const [isOpen, setIsOpen] = useState(false)
  const { resource, data, report, author } = record
  const title = titleOf(resource) ?? t('kind.other')
  return (
    <li className="th-row">
      <div className="th-row-text">
        <b>{title}</b>
        <details className="th-details">
          <summary>{t('record.data')}</summary>
          <pre className="th-data">{data}</pre>
        </details>
      </div>
      <Seal report={report} title={title} onOpen={() => setIsOpen(true)} />
      <SealPanel
        isOpen={isOpen}
        onClose={() => setIsOpen(false)}
        report={report}
        isRunning={false}
        facts={{
          title,
          authorName: `${author.slice(0, 10)}…`,
          hospitalName: hospital ?? report.author?.mspId ?? '',
          dateMs: 0,
          details: [
            { label: 'seal.detail.record', value: report.recordId },
            { label: 'seal.detail.transaction', value: report.txId },
            { label: 'seal.detail.block', value: String(report.block) },
          ],
        }}
      />
    </li>
  )
}
