/**
 * What patients ask and report; those without an answer first. An answer is given once. What is about an emergency access
 * leads to its review, where misuse is reported to the shared ledger.
 *
 * @module
 */
import { Button, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { queries, staff } from './queries.ts'
import { StaffProblem } from './staff-problem.tsx'
import type { QuestionRow } from './staff-area.ts'

const MAX_CHARACTERS = 2_048

export function Questions(): ReactNode {
  const { t } = useWords()
  const found = useQuery(queries.questions)
  useTitle(t('staff.nav.questions'))
  return (
    <>
      <h1>{t('staff.nav.questions')}</h1>
      {found.isPending ? <Loading rows={3} /> : undefined}
      {found.isError ? <StaffProblem error={found.error} again={found.refetch} /> : undefined}
      {found.data === undefined ? undefined : found.data.length === 0 ? (
        <div className="th-empty">{t('staff.questions.none')}</div>
      ) : (
        found.data.map((one) => <Row key={one.id} row={one} />)
      )}
    </>
  )
}

function Row({ row }: { readonly row: QuestionRow }): ReactNode {
  const { t, moment } = useWords()
  const { kind, about, answer, review } = row
  const title = t(`staff.question.${kind}`, { patient: row.patientName })
  const isReport = kind === 'report' && answer === undefined
  return (
    <section className="th-card" aria-label={title} data-tone={isReport ? 'wait' : 'none'}>
      <h2>{title}</h2>
      <p className="th-dimmed">
        {moment(row.askedMs)} · {t(`staff.question.about.${about.kind}`, { id: about.id })}
      </p>
      {isReport ? (
        <p className="th-state" data-tone="wait">
          <IconAlertTriangle size={16} aria-hidden />
          {t('staff.question.report.line')}
        </p>
      ) : undefined}
      <p className="th-said">{row.text}</p>
      {about.kind === 'emergency' ? (
        <p>
          {review === undefined ? undefined : `${t(`staff.verdict.done.${review.verdict}`)}. `}
          <Link href="/staff/emergencies">{t('staff.question.emergency')}</Link>
        </p>
      ) : undefined}
      {answer === undefined ? (
        <AnswerForm id={row.id} />
      ) : (
        <>
          <h3>{t('staff.question.answered', { by: answer.by, moment: moment(answer.timeMs) })}</h3>
          <p className="th-said">{answer.text}</p>
        </>
      )}
    </section>
  )
}

function AnswerForm({ id }: { readonly id: string }): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const [text, setText] = useState('')
  const answer = useMutation({
    mutationFn: () => staff.answer(id, text.trim()),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['staff'] }),
  })
  return (
    <>
      {answer.isError ? <StaffProblem error={answer.error} /> : undefined}
      <Textarea
        label={t('staff.question.answer')}
        description={t('staff.question.answer.once')}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        maxLength={MAX_CHARACTERS}
        autosize
        minRows={2}
        mb="sm"
      />
      <Button size="sm" disabled={text.trim() === ''} loading={answer.isPending} onClick={() => answer.mutate()}>
        {t('staff.question.action')}
      </Button>
    </>
  )
}
