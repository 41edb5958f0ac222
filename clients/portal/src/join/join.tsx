/**
 * A code, a link or a recovery file makes a key for a person in this browser. The code stands in the fragment of the
 * address, which no browser sends anywhere.
 *
 * @module
 */
import { Button, FileButton, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { IconFileUpload } from '@tabler/icons-react'
import { lazy, Suspense, useState, type FormEvent, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { areaOf } from '../session/client.ts'
import type { IdentityCard } from '../session/core-area.ts'
import { chooseIdentity } from '../shell/active-identity.ts'
import { useTitle } from '../shell/title.ts'
import { deviceLabel } from './device-label.ts'
import type { JoinProgress } from './join-area.ts'

const ScanCode = lazy(async () => ({ default: (await import('../shell/scan-code.tsx')).ScanCode }))
const joining = areaOf('join')

export function Join(): ReactNode {
  const { t } = useWords()
  const [code, setCode] = useState(() => location.hash.slice(1))
  const [name, setName] = useState('')
  const [progress, setProgress] = useState<JoinProgress>()
  const done = useEntered()
  useTitle(t('join.title'))
  const join = useMutation({
    mutationFn: () => joining.join(code, { label: deviceLabel(), name: name.trim() || t('join.me') }, setProgress),
    onSuccess: done,
    onSettled: () => setProgress(undefined),
  })
  const isLink = code.replaceAll(/[\s-]/g, '').length > 12
  const submit = (event: FormEvent) => {
    event.preventDefault()
    join.mutate()
  }
  return (
    <section className="th-narrow">
      <h1>{t('join.title')}</h1>
      <p>{t('join.line')}</p>
      {join.isError ? <Problem error={join.error} /> : undefined}
      {progress === undefined ? (
        <form onSubmit={submit} className="th-form">
          <TextInput
            label={t('join.code.label')}
            description={t('join.code.description')}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            required
          />
          <div className="th-scan-place">
            <Suspense>
              <ScanCode onFound={(text) => setCode(codeOf(text))} />
            </Suspense>
          </div>
          {isLink ? undefined : (
            <TextInput
              label={t('join.name.label')}
              description={t('join.name.description')}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              autoComplete="name"
            />
          )}
          <div className="th-actions">
            <Button type="submit" loading={join.isPending} disabled={code.trim() === ''}>
              {t('join.action')}
            </Button>
          </div>
        </form>
      ) : (
        <div role="status" className="th-card">
          <p>{t('join.waiting')}</p>
          <p className="th-digits">{spaced(progress.digits)}</p>
          <p className="th-dimmed">{t('join.compare')}</p>
        </div>
      )}
      <Restore />
    </section>
  )
}

/** What a link has after its `#`; anything else as it is. */
function codeOf(scanned: string): string {
  return /^https?:\/\/[^#]*#(.+)$/.exec(scanned)?.[1] ?? scanned
}

function spaced(digits: string): string {
  return `${digits.slice(0, 3)} ${digits.slice(3)}`
}

function useEntered(): (card: IdentityCard) => Promise<void> {
  const queries = useQueryClient()
  const [, navigate] = useLocation()
  return async (card) => {
    chooseIdentity(card.id)
    // Asked once, when there is something to keep; the answer is shown on the page of keys. A worker may not ask.
    await navigator.storage.persist().catch(() => false)
    await queries.invalidateQueries({ queryKey: ['identities'] })
    // The code has done its work and leaves the address.
    navigate('/', { replace: true })
  }
}

function Restore(): ReactNode {
  const { t } = useWords()
  const [file, setFile] = useState<File | null>(null)
  const [scanned, setScanned] = useState<string>()
  const [words, setWords] = useState('')
  const done = useEntered()
  const restore = useMutation({
    mutationFn: async () => joining.restore(scanned ?? (await (file as File).text()), words, deviceLabel()),
    onSuccess: done,
  })
  return (
    <details className="th-details">
      <summary>{t('restore.title')}</summary>
      <p>{t('restore.line')}</p>
      {restore.isError ? <Problem error={restore.error} /> : undefined}
      <form
        className="th-form"
        onSubmit={(event) => {
          event.preventDefault()
          restore.mutate()
        }}
      >
        <FileButton
          onChange={(chosen) => {
            setFile(chosen)
            setScanned(undefined)
          }}
          accept=".json,application/json"
        >
          {(props) => (
            <Button {...props} variant="default" leftSection={<IconFileUpload size={18} aria-hidden />}>
              {file === null ? t('restore.file') : file.name}
            </Button>
          )}
        </FileButton>
        <Suspense>
          <ScanCode onFound={setScanned} />
        </Suspense>
        {scanned === undefined ? undefined : <p role="status">{t('restore.scanned')}</p>}
        <Textarea
          label={t('restore.words.label')}
          description={t('restore.words.description')}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
          rows={2}
        />
        <div className="th-actions">
          <Button
            type="submit"
            loading={restore.isPending}
            disabled={(file === null && scanned === undefined) || words.trim() === ''}
          >
            {t('restore.action')}
          </Button>
        </div>
      </form>
    </details>
  )
}
