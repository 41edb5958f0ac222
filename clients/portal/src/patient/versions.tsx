/**
 * Earlier versions of a record: corrections keep the old text readable.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { queries } from './queries.ts'

interface VersionsProps {
  readonly id: string
  readonly shown: number
  /** `undefined`: the newest. */
  readonly onShow: (version: number | undefined) => void
}

export function Versions({ id, shown, onShow }: VersionsProps): ReactNode {
  const { t, moment } = useWords()
  const versions = useQuery(queries.versions(id))
  const all = versions.data ?? []
  if (all.length < 2) return undefined
  const newest = Math.max(...all.map(({ version }) => version))
  return (
    <section>
      <h2>{t('versions.title')}</h2>
      <ul className="th-list">
        {all.map(({ version, storedMs, authorName, erasedMs }) => (
          <li key={version} className="th-row">
            <div className="th-row-text">
              <b>{t(version === newest ? 'versions.newest' : 'versions.earlier', { version })}</b>
              <p className="th-row-note">{t('record.by', { date: moment(storedMs), author: authorName })}</p>
            </div>
            {version === shown ? (
              <span className="th-dimmed">{t('versions.shown')}</span>
            ) : erasedMs === undefined ? (
              <Button size="sm" variant="default" onClick={() => onShow(version === newest ? undefined : version)}>
                {t('versions.show')}
              </Button>
            ) : undefined}
          </li>
        ))}
      </ul>
    </section>
  )
}
