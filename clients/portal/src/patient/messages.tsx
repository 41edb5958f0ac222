/**
 * What the patient asked the hospital and reported, newest first, with the answers.
 *
 * @module
 */
import { useQuery } from '@tanstack/react-query'
import { useEffect, type ReactNode } from 'react'
import type { AskedQuestion } from '../../../sdk/src/hospital-answers/reviews.ts'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import type { IdentityCard } from '../session/core-area.ts'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import { keepAnswersRead } from './answers-read.ts'
import { queries } from './queries.ts'

export function Messages({ me }: { readonly me: IdentityCard }): ReactNode {
  const { t } = useWords()
  const found = useQuery({ ...queries.questions, staleTime: 0 })
  useTitle(t('messages.title'))
  useEffect(() => {
    if (found.data !== undefined) keepAnswersRead(me.id, found.data)
  }, [me.id, found.data])
  return (
    <>
      <h1>{t('messages.title')}</h1>
      <p>{t('messages.line')}</p>
      {found.isPending ? <Loading rows={4} /> : undefined}
      {found.isError ? <Problem error={found.error} again={found.refetch} /> : undefined}
      {found.data === undefined ? undefined : found.data.length === 0 ? (
        <div className="th-empty">{t('messages.none')}</div>
      ) : (
        found.data.map((one) => <Asked key={one.id} asked={one} />)
      )}
    </>
  )
}

function Asked({ asked }: { readonly asked: AskedQuestion }): ReactNode {
  const { t, moment } = useWords()
  const { kind, text, askedMs, answer, review } = asked
  const title = t(`messages.${kind}`, { moment: moment(askedMs) })
  return (
    <section className="th-card" aria-label={title}>
      <h2>{title}</h2>
      <p className="th-said">{text}</p>
      {answer === undefined ? (
        <p className="th-state" data-tone="wait">
          {t('messages.waiting')}
        </p>
      ) : (
        <>
          <h3>{t('messages.answer', { by: answer.by, moment: moment(answer.timeMs) })}</h3>
          <p className="th-said">{answer.text}</p>
        </>
      )}
      {review === undefined ? undefined : (
        <p>{t(`messages.review.${review.verdict}`, { moment: moment(review.timeMs) })}</p>
      )}
    </section>
  )
}
