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
  IconEye,
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
import { useWords } from '../i18n/i18n.tsx'
import type { Words } from '../i18n/words.ts'
import { Loading } from '../shell/loading.tsx'
import { saveFile } from '../shell/save-file.ts'
import { useTitle } from '../shell/title.ts'
import type { AuditView } from './auditor-area.ts'
import { Foreign } from './foreign.tsx'
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
      {state.data?.isForeign === true ? <Foreign /> : undefined}
      {state.isPending ? <Loading rows={4} /> : undefined}
      {state.isError ? <Problem error={state.error} again={state.refetch} /> : undefined}
      {state.data === undefined ? undefined : <Check state={state.data} />}
    </>
  )
}

function Check({ state }: { readonly state: AuditView }): ReactNode {
  const words = useWords()
  const { t } = words
  const cache = useQueryClient()
  const { queryKey } = queries.state
  const keep = (next: AuditView) => cache.setQueryData(queryKey, next)
  const verify = useMutation({
    mutationFn: () => auditor.verify(keep),
    onSuccess: keep,
    onSettled: () => void cache.invalidateQueries({ queryKey: ['auditor', 'facts'] }),
  })
  const pause = useMutation({ mutationFn: () => auditor.pause() })
  const again = useMutation({
    mutationFn: (from: 'kept' | 'first') => (from === 'first' ? auditor.startAgain() : auditor.startNext()),
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
              onClick={() => again.mutate('kept')}
            >
              {t('auditor.check.newer')}
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
            {t(state.phase === 'ready' && state.kept.blocks === 0 ? 'auditor.check.start' : 'auditor.check.continue')}
          </Button>
        )}
        {isRunning || state.kept.blocks === 0 ? undefined : (
          <Button variant="default" onClick={() => again.mutate('first')}>
            {t('auditor.check.again')}
          </Button>
        )}
      </div>
      {state.phase === 'ready' && !isRunning ? <Earlier state={state} /> : undefined}
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

/** What this browser remembers after a reload. */
function Earlier({ state }: { readonly state: AuditView }): ReactNode {
  const { t, number, moment } = useWords()
  const { kept, last } = state
  if (kept.blocks === 0 && last === undefined) return undefined
  return (
    <div className="th-note">
      <div>
        {kept.blocks === 0 ? undefined : (
          <p>{t('auditor.kept.line', { blocks: number(kept.blocks), moment: moment(kept.savedMs) })}</p>
        )}
        {last === undefined ? undefined : (
          <p>
            {t('auditor.kept.last', {
              moment: moment(last.endedMs),
              blocks: number(last.blocks),
              faults: last.faults,
              skipped: last.skipped,
              notes: last.notes,
            })}
          </p>
        )}
      </div>
    </div>
  )
}

function Bar({ state, isRunning }: { readonly state: AuditView; readonly isRunning: boolean }): ReactNode {
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
  { chain, phase, elapsedMs, findings, checkpoints, kept, isForeign }: AuditView,
  isRunning: boolean,
): string {
  if (phase === 'ready') return t(kept.blocks === 0 ? 'auditor.line.ready' : 'auditor.line.reloaded')
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
    seen: number(chain.seen),
  }
  if (isForeign) return t('auditor.line.foreign', values)
  if (phase === 'ledger') return t(isRunning ? 'auditor.line.blocks' : 'auditor.line.paused', values)
  if (phase === 'done') return t(chain.seen === 0 ? 'auditor.line.done' : 'auditor.line.done.seen', values)
  return t('auditor.line.rest', values)
}

function Result({ state }: { readonly state: AuditView }): ReactNode {
  const { t, number, moment } = useWords()
  const { chain, findings, genesis, head } = state
  const fault = findings.find(({ result }) => result === 'fail')
  const skipped = findings.filter(({ result }) => result === 'skip').length
  const notes = findings.filter(({ result }) => result === 'note').length
  const tone = fault === undefined ? (skipped + notes === 0 ? 'ok' : 'wait') : 'bad'
  return (
    <div className="th-problem" data-tone={tone === 'ok' ? 'none' : tone} role={tone === 'bad' ? 'alert' : 'status'}>
      {tone === 'bad' ? (
        <IconX size={20} aria-hidden />
      ) : tone === 'ok' ? (
        <IconCheck size={20} aria-hidden />
      ) : skipped === 0 ? (
        <IconEye size={20} aria-hidden />
      ) : (
        <IconQuestionMark size={20} aria-hidden />
      )}
      <div>
        <p>
          <b>
            {fault?.block === undefined
              ? t(
                  `auditor.result.${fault !== undefined ? 'fault' : skipped > 0 ? 'skipped' : notes > 0 ? 'noted' : 'good'}`,
                  {
                    blocks: number(chain.blocks),
                    skipped,
                    notes,
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
            <dd>{moment(state.last?.endedMs ?? Date.now())}</dd>
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

/** Of a finding with counts: "reports: 2; open: 1", "organizations: 2; all: 2", "entries: 5". */
function countsOf(detail = ''): Readonly<Record<string, number>> {
  const found = [...detail.matchAll(/(\w+): (\d+)/g)].map(([, name = '', count]) => [name, Number(count)] as const)
  return { reports: 0, open: 0, organizations: 0, all: 0, entries: 0, ...Object.fromEntries(found) }
}

/** "block 3: its transactions were changed" as a sentence; the block stands in the line above. */
function sentenceOf(detail = ''): string {
  const text = detail.replace(/^block \d+: /, '')
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

const MARKS = { pass: IconCheck, fail: IconX, skip: IconQuestionMark, note: IconEye } as const

function Findings({ findings }: { readonly findings: readonly AuditFinding[] }): ReactNode {
  const { t } = useWords()
  if (findings.length === 0) return undefined
  return (
    <ul className="th-findings" aria-label={t('auditor.findings')}>
      {findings.map(({ check, result, code, detail }) => {
        const Mark = MARKS[result]
        return (
          <li key={check} data-result={result} data-check={check}>
            <Mark size={18} aria-hidden />
            <div>
              <span className="th-hidden">{t(`seal.result.${result}`)}</span>{' '}
              {t(`auditor.finding.${check}.${result}`, countsOf(detail))}{' '}
              {result === 'note' ? (
                <Link href={check === 'misuse' ? '/auditor/misuse' : '/auditor/checkpoints'}>
                  {t(`auditor.finding.look.${check}`)}
                </Link>
              ) : undefined}
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
