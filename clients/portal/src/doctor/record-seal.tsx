/**
 * The seal's panel of a record that a doctor reads: checks again on demand, downloads the proofs.
 *
 * @module
 */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { Corrections } from '../seal/corrections.tsx'
import { SealPanel } from '../seal/seal-panel.tsx'
import type { OpenedRecord } from '../session/opened-record.ts'
import { saveFile } from '../shell/save-file.ts'
import { doctor, queries } from './queries.ts'

interface RecordSealProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly opened: OpenedRecord
  readonly title: string
}

export function RecordSeal({ isOpen, onClose, opened, title }: RecordSealProps): ReactNode {
  const cache = useQueryClient()
  const { recordId } = opened
  const versions = useQuery({ ...queries.versions(recordId), enabled: isOpen && opened.latestVersion > 1 })
  const again = useMutation({
    mutationFn: () => doctor.checkAgain(recordId),
    onSuccess: (fresh) => cache.setQueryData(queries.record(recordId).queryKey, fresh),
  })
  const download = useMutation({
    mutationFn: () => doctor.recordFile(recordId),
    onSuccess: (text) => saveFile(`record-${recordId.slice(2, 10)}.json`, text),
  })
  const error = again.error ?? download.error
  return (
    <SealPanel
      isOpen={isOpen}
      onClose={onClose}
      report={opened.report}
      isRunning={again.isPending}
      onCheckAgain={() => again.mutate()}
      onDownload={() => download.mutate()}
      facts={{
        title,
        authorName: opened.author.name,
        hospitalName: opened.author.hospital,
        // The record's id begins with the time at which its author prepared it.
        dateMs: Number.parseInt(recordId.slice(2, 14), 16),
        details: opened.details,
      }}
    >
      {error === null ? undefined : <Problem error={error} />}
      {isOpen ? (
        <Corrections shown={opened} versions={versions.data} open={(version) => doctor.open(recordId, version)} />
      ) : undefined}
    </SealPanel>
  )
}
