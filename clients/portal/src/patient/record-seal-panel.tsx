/**
 * The seal's panel of one record of the patient: checks again on demand, downloads the proofs.
 *
 * @module
 */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { Corrections } from '../seal/corrections.tsx'
import { SealPanel } from '../seal/seal-panel.tsx'
import { saveFile } from '../shell/save-file.ts'
import type { OpenedRecord } from '../session/opened-record.ts'
import { patient, queries } from './queries.ts'

interface RecordSealPanelProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly opened: OpenedRecord
  readonly title: string
  /** Given when another version than the newest is shown. */
  readonly version?: number
  /** Not while the record asks before it is opened. */
  readonly canCompare?: boolean
}

export function RecordSealPanel({
  isOpen,
  onClose,
  opened,
  title,
  version,
  canCompare = true,
}: RecordSealPanelProps): ReactNode {
  const cache = useQueryClient()
  const { queryKey } = queries.record(opened.recordId, version)
  const hasVersions = isOpen && canCompare
  const versions = useQuery({ ...queries.versions(opened.recordId), enabled: hasVersions && opened.latestVersion > 1 })
  const again = useMutation({
    mutationFn: () => patient.checkAgain(opened.recordId, version),
    onSuccess: (fresh) => cache.setQueryData(queryKey, fresh),
  })
  const download = useMutation({
    mutationFn: () => patient.recordFile(opened.recordId, opened.version),
    onSuccess: (text) => saveFile(`record-${opened.recordId.slice(2, 10)}.json`, text),
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
        dateMs: signedMs(opened),
        details: opened.details,
      }}
    >
      {error === null ? undefined : <Problem error={error} />}
      {hasVersions ? (
        <Corrections shown={opened} versions={versions.data} open={(other) => patient.open(opened.recordId, other)} />
      ) : undefined}
    </SealPanel>
  )
}

/** The record's id begins with the time at which its author prepared it. */
function signedMs({ recordId }: OpenedRecord): number {
  return Number.parseInt(recordId.slice(2, 14), 16)
}
