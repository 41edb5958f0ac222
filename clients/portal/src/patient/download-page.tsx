/**
 * Everything in one file, with its proofs.
 *
 * @module
 */
import '@mantine/core/styles/Progress.css'
import { Button, Progress } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { IconDownload } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { saveFile } from '../shell/save-file.ts'
import { useTitle } from '../shell/title.ts'
import type { DownloadProgress } from './download.ts'
import { patient } from './queries.ts'

export function DownloadPage(): ReactNode {
  const { t } = useWords()
  const [progress, setProgress] = useState<DownloadProgress>()
  useTitle(t('download.title'))
  const download = useMutation({
    mutationFn: () => patient.downloadAll(setProgress),
    onSuccess: (file) => saveFile('my-records.fhir.json', file),
  })
  return (
    <>
      <h1>{t('download.title')}</h1>
      <p>{t('download.line')}</p>
      <p>{t('download.warning')}</p>
      <div className="th-actions">
        <Button
          leftSection={<IconDownload size={18} aria-hidden />}
          loading={download.isPending}
          onClick={() => download.mutate()}
        >
          {t('download.action')}
        </Button>
      </div>
      {progress === undefined ? undefined : (
        <div role="status">
          <p>{t('download.progress', { done: progress.done, total: progress.total })}</p>
          {download.isPending ? (
            <Progress
              value={(100 * progress.done) / Math.max(progress.total, 1)}
              aria-label={t('download.progress', { done: progress.done, total: progress.total })}
            />
          ) : undefined}
          {progress.refused === 0 ? undefined : <p>{t('download.refused', { count: progress.refused })}</p>}
        </div>
      )}
      {download.isError ? <Problem error={download.error} /> : undefined}
      {download.isSuccess ? <p>{t('download.done')}</p> : undefined}
      <p>
        <Link href="/verify">{t('download.verify')}</Link>
      </p>
    </>
  )
}
