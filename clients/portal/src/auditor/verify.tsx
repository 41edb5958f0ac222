/**
 * The auditor's first screen: paste anything, and check everything from the first block on, with progress, a pause, and
 * a signed report at the end. A fault stops the bar at its block.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import {
  IconCheck,
  IconDownload,
  IconPlayerPause,
  IconPlayerPlay,
  IconPrinter,
  IconQuestionMark,
  IconRefresh,
  IconX,
} from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import type { AuditFinding } from '../../../sdk/src/audit/report.ts'
import { Problem } from '../errors/problem.tsx'
import { useWords, type Words } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { saveFile } from '../shell/save-file.ts'
import { useTitle } from '../shell/title.ts'
import type { AuditState } from './audit-run.ts'
import { Paste } from './paste.tsx'
import { auditor, queries } from './queries.ts'

export function Verify(): ReactNode {
  const { t } = useWords()
  useTitle(t('auditor.verify.title'))
  const state = useQuery(queries.state)
  return (
    <>
      <h1>{t('auditor.verify.title')}</h1>
      <Paste />
      {state.isPending ? <Loading rows={4} /> : undefined}
      {state.isError ? <Problem error={state.error} again={state.refetch} /> : undefined}
      {state.data === undefined ? undefined : <Check state={state.data} />}
    </>
  )
}

function Check({ state }: { readonly state: AuditState }): ReactNode {
  const words = useWords()
  const { t } = words
  const cache = useQueryClient()
  const { queryKey } = queries.state
  const keep = (next: AuditState) => cache.setQueryData(queryKey, next)
  const verify = useMutation({
    mutationFn: () => auditor.verify(keep),
    onSuccess: keep,
    onSettled: () => void cache.invalidateQueries({ queryKey: ['auditor', 'facts'] }),
  })
  const pause = useMutation({ mutationFn: () => auditor.pause() })
  const again = useMutation({
    mutationFn: () => auditor.startAgain(),
    onSuccess: (fresh) => {
      keep(fresh)
      verify.mutate()
    },
  })
  const save = useMutation({
    mutationFn: () => auditor.report(),
    onSuccess: (text) => saveFile(`audit-${new Date().toISOString().slice(0, 10)}.json`, text),
  })
  const isRunning = verify.isPending || state.isRunning
  const isDone = state.phase === 'done'
  const error = verify.error ?? save.error
  return (
    <section aria-labelledby="check" aria-busy={isRunning}>
      <h2 id="check">{t('auditor.check.title')}</h2>
      <Bar state={state} isRunning={isRunning} />
      {error === null ? undefined : <Problem error={error} again={() => verify.mutate()} />}
      <div className="th-actions">
        {isDone ? (
          <>
            <Button
              leftSection={<IconDownload size={18} aria-hidden />}
              loading={save.isPending}
              onClick={() => save.mutate()}
            >
              {t('auditor.report.save')}
            </Button>
            <Button variant="default" leftSection={<IconPrinter size={18} aria-hidden />} onClick={() => print()}>
              {t('action.print')}
            </Button>
            <Button
              variant="default"
              leftSection={<IconRefresh size={18} aria-hidden />}
              onClick={() => again.mutate()}
            >
              {t('auditor.check.again')}
            </Button>
          </>
        ) : isRunning ? (
          <Button
            variant="default"
            leftSection={<IconPlayerPause size={18} aria-hidden />}
            onClick={() => pause.mutate()}
          >
            {t('auditor.check.pause')}
          </Button>
        ) : (
          <Button leftSection={<IconPlayerPlay size={18} aria-hidden />} onClick={() => verify.mutate()}>
            {t(state.phase === 'ready' ? 'auditor.check.start' : 'auditor.check.continue')}
          </Button>
        )}
      </div>
      {isDone ? <Result state={state} /> : undefined}
      <Findings findings={state.findings} />
      <p>
        <b>{t('auditor.scope.here')}</b> {t('auditor.scope.here.list')}
      </p>
      <p>
        <b>{t('auditor.scope.not')}</b> {t('auditor.scope.not.list')}
      </p>
    </section>
  )
}

function Bar({ state, isRunning }: { readonly state: AuditState; readonly isRunning: boolean }): ReactNode {
  const words = useWords()
  const { t } = words
  const { chain, phase } = state
  const all = chain.height + 1
  const isFaulty = state.findings.some(({ result }) => result === 'fail')
  const part = phase === 'ready' ? 0 : chain.blocks === 0 ? 0 : Math.min(1, chain.blocks / all)
  return (
    <>
      <div
        className="th-progress"
        data-tone={isFaulty ? 'bad' : 'none'}
        role="progressbar"
        aria-label={t('auditor.check.title')}
        aria-valuemin={0}
        aria-valuemax={all}
        aria-valuenow={chain.blocks}
      >
        <span style={{ width: `${100 * part}%` }} />
      </div>
      <p className="th-bar-line">{lineOf(words, state, isRunning)}</p>
      <p className="th-hidden" role="status">
        {isRunning ? t('auditor.check.running') : phase === 'done' ? t('auditor.check.ended') : ''}
      </p>
    </>
  )
}

function lineOf(
  { t, number }: Words,
  { chain, phase, elapsedMs, findings, checkpoints }: AuditState,
  isRunning: boolean,
): string {
  if (phase === 'ready') return t('auditor.line.ready')
  const faults = findings.filter(({ result }) => result === 'fail').length
  const values = {
    blocks: number(chain.blocks),
    all: number(chain.height + 1),
    rate: number(Math.round((1000 * chain.blocks) / Math.max(elapsedMs, 1))),
    left: number(Math.ceil(((chain.height + 1 - chain.blocks) * elapsedMs) / Math.max(chain.blocks, 1) / 1000)),
    records: number(chain.records),
    done: number(checkpoints.done),
    checkpoints: number(checkpoints.all),
    faults,
  }
  if (phase === 'ledger') return t(isRunning ? 'auditor.line.blocks' : 'auditor.line.paused', values)
  if (phase === 'done') return t('auditor.line.done', values)
  return t('auditor.line.rest', values)
}

function Result({ state }: { readonly state: AuditState }): ReactNode {
  const { t, number, moment } = useWords()
  const { chain, findings, genesis, head } = state
  const fault = findings.find(({ result }) => result === 'fail')
  const skipped = findings.filter(({ result }) => result === 'skip').length
  const tone = fault === undefined ? (skipped === 0 ? 'ok' : 'wait') : 'bad'
  return (
    <div className="th-problem" data-tone={tone === 'ok' ? 'none' : tone} role={tone === 'bad' ? 'alert' : 'status'}>
      {tone === 'bad' ? (
        <IconX size={20} aria-hidden />
      ) : tone === 'ok' ? (
        <IconCheck size={20} aria-hidden />
      ) : (
        <IconQuestionMark size={20} aria-hidden />
      )}
      <div>
        <p>
          <b>
            {fault?.block === undefined
              ? t(
                  fault === undefined
                    ? skipped === 0
                      ? 'auditor.result.good'
                      : 'auditor.result.skipped'
                    : 'auditor.result.fault',
                  {
                    blocks: number(chain.blocks),
                    skipped,
                  },
                )
              : t('auditor.result.block', { block: number(fault.block) })}
          </b>
        </p>
        {fault?.block === undefined ? undefined : (
          <p>
            <span lang="en">{sentenceOf(fault.detail)}</span> {t('auditor.result.before')}{' '}
            <Link href={`/auditor/blocks/${fault.block}`}>{t('auditor.result.open')}</Link>
          </p>
        )}
        <dl className="th-facts">
          <div>
            <dt>{t('auditor.result.when')}</dt>
            <dd>{moment(Date.now())}</dd>
          </div>
          {genesis === undefined ? undefined : (
            <div>
              <dt>{t('auditor.result.from')}</dt>
              <dd>
                <code>{genesis}</code>
              </dd>
            </div>
          )}
          {head === undefined ? undefined : (
            <div>
              <dt>{t('auditor.result.newest')}</dt>
              <dd>
                <code>{head}</code>
              </dd>
            </div>
          )}
        </dl>
        <p>{t('auditor.result.compare')}</p>
      </div>
    </div>
  )
}

/** "block 3: its transactions were changed" as a sentence; the block stands in the line above. */
function sentenceOf(detail = ''): string {
  const text = detail.replace(/^block \d+: /, '')
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

const MARKS = { pass: IconCheck, fail: IconX, skip: IconQuestionMark } as const

function Findings({ findings }: { readonly findings: readonly AuditFinding[] }): ReactNode {
  const { t } = useWords()
  if (findings.length === 0) return undefined
  return (
    <ul className="th-findings" aria-label={t('auditor.findings')}>
      {findings.map(({ check, result, code }) => {
        const Mark = MARKS[result]
        return (
          <li key={check} data-result={result} data-check={check}>
            <Mark size={18} aria-hidden />
            <div>
              <span className="th-hidden">{t(`seal.result.${result}`)}</span> {t(`auditor.finding.${check}.${result}`)}
              {code === undefined || code === 'CLIENT_CHECK_SKIPPED' ? undefined : (
                <div className="th-dimmed">
                  {t(`error.${code}.what`)} <code>{code}</code>
                </div>
              )}
            </div>
          </li>
        )
      })}
    </ul>
  )
}
