/**
 * "Paste anything": says what it is, and what the shared ledger has of it.
 *
 * @module
 */
import { Button, Textarea } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { IconSearch } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import type { FactRow, Found, PlaceRow } from './auditor-area.ts'
import { Foreign } from './foreign.tsx'
import { auditor } from './queries.ts'
import { RefName } from './ref-name.tsx'

export function Paste(): ReactNode {
  const { t } = useWords()
  const [, navigate] = useLocation()
  const [text, setText] = useState('')
  const find = useMutation({
    mutationFn: (pasted: string) => auditor.find(pasted),
    onSuccess: (found) => {
      if (found.kind === 'block')
        navigate(`/auditor/blocks/${found.block}${found.txId === undefined ? '' : `#${found.txId}`}`)
    },
  })
  return (
    <section aria-label={t('auditor.paste.label')}>
      <form
        className="th-find"
        onSubmit={(event) => {
          event.preventDefault()
          if (text.trim() !== '') find.mutate(text)
        }}
      >
        <Textarea
          label={t('auditor.paste.label')}
          description={t('auditor.paste.kinds')}
          autosize
          minRows={1}
          maxRows={6}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey) return
            event.preventDefault()
            event.currentTarget.form?.requestSubmit()
          }}
        />
        <Button
          type="submit"
          size="sm"
          variant="default"
          leftSection={<IconSearch size={18} aria-hidden />}
          loading={find.isPending}
        >
          {t('auditor.paste.find')}
        </Button>
      </form>
      {find.isError ? <Problem error={find.error} /> : undefined}
      {find.data === undefined ? undefined : <Answer found={find.data} />}
    </section>
  )
}

function Answer({ found }: { readonly found: Found }): ReactNode {
  const { t } = useWords()
  switch (found.kind) {
    case 'block':
      return undefined
    case 'facts':
      return <Facts title={found.title} facts={found.facts} />
    case 'places':
      return <Places places={found.places} />
    case 'record-file':
      return (
        <div className="th-note" role="status">
          <p>
            {t('auditor.paste.file')} <Link href="/verify">{t('shell.verify')}</Link>
          </p>
        </div>
      )
    case 'foreign':
      return <Foreign />
    default:
      return (
        <div className="th-note" role="status">
          <p>{t(`auditor.paste.${found.kind}`)}</p>
        </div>
      )
  }
}

function Facts({ title, facts }: { readonly title: string; readonly facts: readonly FactRow[] }): ReactNode {
  const { t, has, moment } = useWords()
  return (
    <div className="th-card" role="status">
      <p>
        <RefName value={title} /> · {t('auditor.paste.proven')}
      </p>
      <dl className="th-facts">
        {facts.map(({ label, value }) => (
          <div key={label}>
            <dt>{has(`auditor.fact.${label}`) ? t(`auditor.fact.${label}`) : label}</dt>
            <dd>
              <pre className="th-pre">
                {label.endsWith('Ms') && /^\d{13}$/.test(value) ? moment(Number(value)) : value}
              </pre>
            </dd>
          </div>
        ))}
      </dl>
      <CopyText
        text={JSON.stringify(Object.fromEntries(facts.map(({ label, value }) => [label, value])), null, 1)}
        label={t('action.copy.details')}
      />
    </div>
  )
}

function Places({ places }: { readonly places: readonly PlaceRow[] }): ReactNode {
  const { t, moment, number } = useWords()
  return (
    <SheetTable
      caption={t('auditor.places.caption', { count: places.length })}
      words="auditor.column"
      columns={['record', 'version', 'author', 'time', 'block']}
    >
      {places.map(({ record, version, batch, index, author, timeMs, block }) => (
        <tr key={`${batch} ${index}`}>
          <td data-label={t('auditor.column.record')}>
            <RefName value={record} />
          </td>
          <td data-label={t('auditor.column.version')}>{version}</td>
          <td data-label={t('auditor.column.author')}>
            <RefName value={author} />
          </td>
          <td data-label={t('auditor.column.time')}>{moment(timeMs)}</td>
          <td data-label={t('auditor.column.block')}>
            {block === undefined ? (
              t('auditor.places.unknown')
            ) : (
              <Link href={`/auditor/blocks/${block}`}>{number(block)}</Link>
            )}
          </td>
        </tr>
      ))}
    </SheetTable>
  )
}
