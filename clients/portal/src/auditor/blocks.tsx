/**
 * Blocks, newest first. Where the list is empty it says why.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconCheck, IconQuestionMark } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Link, useSearchParams } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { SheetTable } from '../shell/sheet-table.tsx'
import { useTitle } from '../shell/title.ts'
import type { BlockRow } from './auditor-area.ts'
import { Foreign } from './foreign.tsx'
import { Paste } from './paste.tsx'
import { BLOCKS_A_PAGE, queries } from './queries.ts'
import { transactionName } from './transaction-name.ts'

export function Blocks(): ReactNode {
  const { t, number } = useWords()
  const [params, setParams] = useSearchParams()
  const asked = params.get('newest')
  const newest = asked === null ? undefined : Number(asked)
  const blocks = useQuery(queries.blocks(newest))
  useTitle(t('auditor.nav.blocks'))
  const show = (next: number | undefined) => setParams(next === undefined ? {} : { newest: String(next) })
  const first = blocks.data?.blocks.at(-1)?.number ?? 0
  const height = blocks.data?.height ?? 0
  return (
    <>
      <h1>{t('auditor.nav.blocks')}</h1>
      <Paste />
      {blocks.isPending ? <Loading rows={12} /> : undefined}
      {blocks.isError ? <Problem error={blocks.error} again={blocks.refetch} /> : undefined}
      {blocks.data === undefined ? undefined : blocks.data.isForeign ? (
        <Foreign />
      ) : blocks.data.blocks.length === 0 ? (
        <div className="th-empty">{t('auditor.blocks.none', { height: number(height) })}</div>
      ) : (
        <>
          <BlockTable blocks={blocks.data.blocks} />
          <div className="th-actions">
            <Button
              variant="default"
              disabled={newest === undefined || newest >= height}
              onClick={() =>
                show(newest === undefined || newest + BLOCKS_A_PAGE >= height ? undefined : newest + BLOCKS_A_PAGE)
              }
            >
              {t('auditor.blocks.newer')}
            </Button>
            <Button variant="default" disabled={first === 0} onClick={() => show(first - 1)}>
              {t('auditor.blocks.older')}
            </Button>
          </div>
        </>
      )}
    </>
  )
}

function BlockTable({ blocks }: { readonly blocks: readonly BlockRow[] }): ReactNode {
  const { t, moment, number } = useWords()
  return (
    <SheetTable
      caption={t('auditor.blocks.caption', {
        from: number(blocks.at(-1)?.number ?? 0),
        to: number(blocks[0]?.number ?? 0),
      })}
      words="auditor.column"
      columns={['block', 'time', 'contents', 'fingerprint', 'checked']}
    >
      {blocks.map((block) => (
        <tr key={block.number}>
          <td data-label={t('auditor.column.block')}>
            <Link href={`/auditor/blocks/${block.number}`}>{number(block.number)}</Link>
          </td>
          <td data-label={t('auditor.column.time')}>{moment(block.timeMs)}</td>
          <td data-label={t('auditor.column.contents')}>
            <Contents block={block} />
          </td>
          <td data-label={t('auditor.column.fingerprint')}>
            <code>{block.hash.slice(0, 12)}…</code>
          </td>
          <td data-label={t('auditor.column.checked')}>
            <span className="th-state" data-tone={block.isChecked ? 'ok' : 'none'}>
              {block.isChecked ? <IconCheck size={16} aria-hidden /> : <IconQuestionMark size={16} aria-hidden />}
              {t(block.isChecked ? 'auditor.block.checked' : 'auditor.block.unchecked')}
            </span>
          </td>
        </tr>
      ))}
    </SheetTable>
  )
}

/** "Fingerprints of records entered (3), Access given". */
function Contents({ block }: { readonly block: BlockRow }): ReactNode {
  const words = useWords()
  const { t, list, number } = words
  if (block.kind === 'config') return t('auditor.block.config')
  const counts = new Map<string, number>()
  for (const { fn } of block.transactions) counts.set(fn, (counts.get(fn) ?? 0) + 1)
  const lines = [...counts].map(([fn, count]) => {
    const name = transactionName(words, fn)
    return count === 1 ? name : t('auditor.transaction.count', { name, count: number(count) })
  })
  return <span title={[...counts.keys()].join(', ')}>{list(lines)}</span>
}
