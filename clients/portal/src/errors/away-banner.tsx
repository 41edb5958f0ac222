/**
 * A part of the system does not answer; what is on screen stays, and the next try is counted down.
 *
 * @module
 */
import { Button } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { IconPlugConnectedX } from '@tabler/icons-react'
import { useEffect, useState, type ReactNode } from 'react'
import { useWords } from '../i18n/i18n.tsx'
import { areaOf } from '../session/client.ts'
import { errorWords } from './error-words.ts'

const AGAIN_AFTER_S = 15
const core = areaOf('core')

export function AwayBanner({ error }: { readonly error: Error }): ReactNode {
  const words = useWords()
  const queries = useQueryClient()
  const [seconds, setSeconds] = useState(AGAIN_AFTER_S)
  const { code, what, means } = errorWords(words, error)
  const again = () => {
    setSeconds(AGAIN_AFTER_S)
    void core.reconnect().then(() => queries.invalidateQueries())
  }
  useEffect(() => {
    const timer = setInterval(() => setSeconds((left) => left - 1), 1_000)
    return () => clearInterval(timer)
  }, [])
  useEffect(() => {
    if (seconds <= 0) again()
  })
  return (
    <div className="th-banner" data-tone="wait" role="status">
      <IconPlugConnectedX size={18} aria-hidden />
      <span>
        {what} {means} <code>{code}</code>
      </span>
      <Button size="xs" variant="default" onClick={again}>
        {words.t('away.again', { seconds: Math.max(seconds, 0) })}
      </Button>
    </div>
  )
}
