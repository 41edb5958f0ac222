/**
 * One block: what it holds, transaction by transaction; a configuration has a view of its own.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import { IconArrowLeft } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import type { BlockDetails } from './auditor-area.ts'
import { queries } from './queries.ts'
import { RefName } from './ref-name.tsx'
import { transactionName } from './transaction-name.ts'

export function Block({ number }: { readonly number: number }): ReactNode {
  const words = useWords()
  const { t } = words
  const block = useQuery(queries.block(number))
  const title = t('auditor.block.title', { number: words.number(number) })
  useTitle(title)
  return (
    <>
      <Link href="/auditor/blocks" className="th-back">
        <IconArrowLeft size={18} aria-hidden /> {t('auditor.block.back')}
      </Link>
      <h1>{title}</h1>
      {block.isPending ? <Loading rows={6} /> : undefined}
      {block.isError ? <Problem error={block.error} again={block.refetch} /> : undefined}
      {block.data === undefined ? undefined : <Details block={block.data} />}
    </>
  )
}

function Details({ block }: { readonly block: BlockDetails }): ReactNode {
  const words = useWords()
  const { t, rich, seconds, date } = words
  return (
    <>
      <dl className="th-facts">
        <div>
          <dt>{t('auditor.column.time')}</dt>
          <dd>
            {date(block.timeMs)}, {seconds(block.timeMs)}
          </dd>
        </div>
        <div>
          <dt>{t('auditor.column.fingerprint')}</dt>
          <dd>
            <code>{block.hash}</code>
          </dd>
        </div>
        <div>
          <dt>{t('auditor.block.previous')}</dt>
          <dd>
            {block.number === 0 ? (
              t('auditor.block.first')
            ) : (
              <Link href={`/auditor/blocks/${block.number - 1}`}>
                <code>{block.previous}</code>
              </Link>
            )}
          </dd>
        </div>
        <div>
          <dt>{t('auditor.column.checked')}</dt>
          <dd>{t(block.isChecked ? 'auditor.block.checked' : 'auditor.block.unchecked')}</dd>
        </div>
      </dl>
      {block.configuration === undefined ? undefined : <Configuration configuration={block.configuration} />}
      {block.calls.map((call) => (
        <section key={call.txId} id={call.txId} className="th-card" aria-label={transactionName(words, call.fn)}>
          <h2>{transactionName(words, call.fn)}</h2>
          <p className="th-dimmed">
            {t('auditor.transaction.line', {
              organization: call.mspId,
              time: seconds(call.timeMs),
              status: t(`auditor.status.${call.status}`),
            })}
            {' · '}
            {rich('auditor.transaction.function', { name: call.fn, c: (parts: ReactNode) => <code>{parts}</code> })}
          </p>
          <p>
            <RefName value={call.txId} /> <CopyText text={call.txId} label={t('auditor.transaction.copy')} />
          </p>
          {call.args.length === 0 ? undefined : (
            <details className="th-details">
              <summary>{t('auditor.transaction.arguments', { count: call.args.length })}</summary>
              {call.args.map((argument, i) => (
                <pre
                  key={i}
                  className="th-pre"
                  tabIndex={0}
                  aria-label={t('auditor.transaction.argument', { number: i + 1 })}
                >
                  {argument}
                </pre>
              ))}
            </details>
          )}
        </section>
      ))}
    </>
  )
}

function Configuration({
  configuration,
}: {
  readonly configuration: NonNullable<BlockDetails['configuration']>
}): ReactNode {
  const { t } = useWords()
  const { channel, sequence, organizations, nodes, quorum } = configuration
  return (
    <section className="th-card" aria-labelledby="configuration">
      <h2 id="configuration">{t('auditor.configuration.title')}</h2>
      <p>{t('auditor.configuration.line', { channel, sequence, organizations: organizations.length, quorum })}</p>
      <ul>
        {organizations.map((mspId) => (
          <li key={mspId}>{mspId}</li>
        ))}
      </ul>
      <h3>{t('auditor.configuration.nodes')}</h3>
      <ul>
        {nodes.map(({ mspId, key }) => (
          <li key={key}>
            {mspId}: <code>{key}</code>
          </li>
        ))}
      </ul>
    </section>
  )
}
