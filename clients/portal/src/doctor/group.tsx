/**
 * A group's work: who has signed, whose turn it is, what the others wrote, and this doctor's part. A part that was changed
 * after signing names its doctor, and nothing can be added to it.
 *
 * @module
 */
import { Button, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconArrowRight, IconCheck } from '@tabler/icons-react'
import { Fragment, useState, type ReactNode } from 'react'
import { Problem } from '../errors/problem.tsx'
import { ResourceView } from '../fhir/resource-view.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { Loading } from '../shell/loading.tsx'
import { useTitle } from '../shell/title.ts'
import type { GroupWork } from './doctor-area.ts'
import { doctor, queries } from './queries.ts'

export function Group({ chainId, me }: { readonly chainId: string; readonly me: string }): ReactNode {
  const { t } = useWords()
  const cache = useQueryClient()
  const group = useQuery(queries.group(chainId))
  const [note, setNote] = useState('')
  const add = useMutation({
    mutationFn: () => doctor.addToGroup(chainId, note),
    onSuccess: () => void cache.invalidateQueries({ queryKey: ['doctor', 'day'] }),
  })
  const title =
    group.data === undefined ? t('doctor.group.title') : t('doctor.group.of', { name: group.data.patientName })
  useTitle(title)
  if (add.isSuccess) {
    return (
      <>
        <h1>{title}</h1>
        <p role="status">{add.data === 0 ? t('doctor.group.passed') : t('doctor.group.stored', { count: add.data })}</p>
      </>
    )
  }
  if (group.isPending) return <Loading />
  if (group.isError) return <Problem error={group.error} again={group.refetch} />
  const { state, fault, parts, names } = group.data
  const last = state.parts.at(-1)
  return (
    <>
      <h1>{title}</h1>
      <Row group={group.data} />
      {last === undefined ? undefined : (
        <p className="th-dimmed">
          {last.doctor === me
            ? t('doctor.group.uploads.me')
            : t('doctor.group.uploads', { name: names[last.doctor] ?? '' })}
        </p>
      )}
      {fault === undefined ? undefined : (
        <div className="th-problem" data-tone="bad" role="alert">
          <div>
            <p>
              <b>{t('doctor.group.fault', { name: names[state.parts[fault.link - 1]?.doctor ?? ''] ?? '' })}</b>
            </p>
            <p>
              <code>
                {fault.code} ({fault.link})
              </code>
            </p>
          </div>
        </div>
      )}
      {parts.map(({ author, resource }, i) => (
        <section key={i} className="th-card" aria-label={names[author]}>
          <h2>{names[author]}</h2>
          <ResourceView resource={resource} hasInterpretation />
        </section>
      ))}
      {fault !== undefined || !state.isMyTurn ? undefined : (
        <section className="th-fields" aria-labelledby="mine">
          <h2 id="mine">{t('doctor.group.mine')}</h2>
          <Textarea
            label={t('doctor.group.note')}
            autosize
            minRows={4}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          {add.isError ? <Problem error={add.error} /> : undefined}
          <div className="th-actions">
            <Button loading={add.isPending} disabled={note.trim() === ''} onClick={() => add.mutate()}>
              {t(state.storesForAll ? 'doctor.group.store' : 'doctor.group.pass')}
            </Button>
          </div>
        </section>
      )}
    </>
  )
}

/** "1 Martin ✓ 09:50 → 2 You → 3 Okoye". */
function Row({ group }: { readonly group: GroupWork }): ReactNode {
  const { t, time } = useWords()
  return (
    <ol className="th-group-row" aria-label={t('doctor.group.order')}>
      {group.state.parts.map(({ doctor: ref, state, isMe, signedMs }, i) => (
        <Fragment key={ref}>
          <li data-state={state} aria-current={state === 'turn' ? 'step' : undefined}>
            {i + 1} {isMe ? t('doctor.group.you') : (group.names[ref] ?? ref)}
            {signedMs === undefined ? undefined : (
              <span className="th-state" data-tone="ok">
                <IconCheck size={16} aria-hidden />
                {t('doctor.group.signed', { time: time(signedMs) })}
              </span>
            )}
            {i < group.state.parts.length - 1 ? <IconArrowRight size={16} aria-hidden /> : undefined}
          </li>
        </Fragment>
      ))}
    </ol>
  )
}
