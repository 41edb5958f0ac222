/**
 * The panel behind a seal: the result of each check as it ran in this browser, what it does not tell, and how to check
 * without this page. "Check again" really runs everything again.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { IconCheck, IconDownload, IconQuestionMark, IconRefresh, IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { Check, CheckResult, SealInput } from '../../../sdk/src/seal.ts'
import { useWords } from '../i18n/i18n.tsx'
import { CopyText } from '../shell/copy-text.tsx'
import { Sheet } from '../shell/sheet.tsx'
import { sealView } from './seal-view.ts'

/** Names for the sentences of the panel, and details for who wants them. */
export interface SealPanelFacts {
  readonly title: string
  readonly authorName: string
  readonly hospitalName: string
  /** Clinical date or when it was stored. */
  readonly dateMs: number
  /** Version, fingerprint and others, each with its key of the catalogue. */
  readonly details: readonly { readonly label: string; readonly value: string }[]
}

/** What ran: of a record, or of the marker of an erased one, which is in no block. */
interface PanelReport extends SealInput {
  readonly block?: number
  readonly ledgerSource: string
}

interface SealPanelProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly report: PanelReport | undefined
  readonly isRunning: boolean
  readonly facts: SealPanelFacts
  /** Absent where there is nothing to ask again: a file. */
  readonly onCheckAgain?: () => void
  readonly onDownload?: () => void
  /** Rows below the list: a comparison with earlier versions. */
  readonly children?: ReactNode
}

export function SealPanel(props: SealPanelProps): ReactNode {
  const { isOpen, onClose, facts } = props
  return (
    <Sheet isOpen={isOpen} onClose={onClose} title={facts.title}>
      {isOpen ? <PanelBody {...props} /> : undefined}
    </Sheet>
  )
}

function PanelBody({ report, isRunning, facts, onCheckAgain, onDownload, children }: SealPanelProps): ReactNode {
  const words = useWords()
  const { t } = words
  const view = sealView(words, report)
  const checks = report?.checks ?? []
  const ofRecord = checks.filter(({ id }) => id !== 'server')
  const ofServer = checks.filter(({ id }) => id === 'server')
  const checkedMs = checks.reduce((latest, { timeMs }) => Math.max(latest, timeMs), 0)
  const isBad = view.tone === 'bad'
  return (
    <div className="th-panel" data-tone={view.tone} data-state={view.state} aria-busy={isRunning}>
      <h2 data-autofocus tabIndex={-1}>
        {view.word}
      </h2>
      {checkedMs === 0 ? undefined : (
        <p className="th-dimmed">{t('seal.panel.when', { time: words.seconds(checkedMs) })}</p>
      )}
      <p className="th-panel-line" role={isBad ? 'alert' : undefined}>
        {view.state === 'verified' && !view.isPractice
          ? t('seal.panel.verified', { author: facts.authorName, date: words.date(facts.dateMs) })
          : view.line}
      </p>
      <ul className="th-checks" key={checkedMs}>
        {ofRecord.map((check) => (
          <CheckRow key={check.id} check={check} report={report} facts={facts} />
        ))}
      </ul>
      {children}
      {ofServer.length === 0 ? undefined : (
        <>
          <h3>{t('seal.panel.server')}</h3>
          <ul className="th-checks">
            {ofServer.map((check) => (
              <CheckRow key={check.id} check={check} report={report} facts={facts} />
            ))}
          </ul>
        </>
      )}
      <div className="th-actions">
        {onCheckAgain === undefined ? undefined : (
          <Button
            leftSection={<IconRefresh size={18} aria-hidden />}
            loading={isRunning}
            onClick={onCheckAgain}
            variant={isBad ? 'default' : 'filled'}
          >
            {t('seal.action.again')}
          </Button>
        )}
        {onDownload === undefined ? undefined : (
          <Button variant="default" leftSection={<IconDownload size={18} aria-hidden />} onClick={onDownload}>
            {t('seal.action.download')}
          </Button>
        )}
      </div>
      {report?.marker === undefined ? (
        <>
          <p className="th-dimmed">{t('seal.panel.not')}</p>
          <p className="th-dimmed">{t('seal.panel.origin', { origin: location.host })}</p>
          <code className="th-command">trusthealth record verify FILE</code>
        </>
      ) : (
        <p className="th-dimmed">{t('seal.panel.not.marker')}</p>
      )}
      <details className="th-details">
        <summary>{t('seal.panel.details')}</summary>
        <dl>
          {facts.details.map(({ label, value }) => (
            <div key={label}>
              <dt>{t(label)}</dt>
              <dd>
                <code>{value}</code>
              </dd>
            </div>
          ))}
          {report === undefined ? undefined : (
            <div>
              <dt>{t('seal.detail.source')}</dt>
              <dd>{t('seal.detail.source.value', { source: report.ledgerSource })}</dd>
            </div>
          )}
        </dl>
        <CopyText
          label={t('action.copy.details')}
          text={facts.details.map(({ label, value }) => `${t(label)}: ${value}`).join('\n')}
        />
      </details>
    </div>
  )
}

const MARKS = { pass: IconCheck, fail: IconX, skip: IconQuestionMark } as const satisfies Record<CheckResult, unknown>

function CheckRow({
  check,
  report,
  facts,
}: {
  readonly check: Check
  readonly report: PanelReport | undefined
  readonly facts: SealPanelFacts
}): ReactNode {
  const { t, number } = useWords()
  const { id, result, code } = check
  const Mark = MARKS[result]
  const values = { author: facts.authorName, hospital: facts.hospitalName, block: number(report?.block ?? 0) }
  return (
    <li className="th-check" data-result={result} data-check={id}>
      <Mark size={18} aria-hidden />
      <div>
        <span className="th-hidden">{t(`seal.result.${result}`)}</span>
        <span>{t(`seal.check.${id}.${result}`, values)}</span>
        {result === 'pass' ? (
          <span className="th-dimmed th-check-note">{t(`seal.check.${id}.note`, values)}</span>
        ) : (
          <span className="th-dimmed th-check-note">
            {t(`error.${code ?? 'CLIENT_CHECK_SKIPPED'}.what`)} <code>{code}</code>
          </span>
        )}
      </div>
    </li>
  )
}
