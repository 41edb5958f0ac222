/**
 * Devices that opened this one's link and wait for an answer: six digits stand on both, and are compared by people.
 *
 * @module
 */
import { Button } from '@mantine/core'
import type { ReactNode } from 'react'

export interface WaitingDevice {
  readonly id: string
  readonly label: string
  readonly digits: string
}

interface WaitingDevicesProps {
  readonly devices: readonly WaitingDevice[]
  readonly ask: (label: string) => string
  readonly yes: string
  readonly no: string
  readonly isAnswering: boolean
  /** What went wrong with the last answer. */
  readonly problem: ReactNode
  readonly onAnswer: (answer: { readonly id: string; readonly yes: boolean }) => void
}

export function WaitingDevices({
  devices,
  ask,
  yes,
  no,
  isAnswering,
  problem,
  onAnswer,
}: WaitingDevicesProps): ReactNode {
  return (
    <div aria-live="polite">
      {devices.map(({ id, label, digits }) => (
        <div key={id} className="th-note">
          <div>
            <p>{ask(label)}</p>
            <p className="th-digits">{`${digits.slice(0, 3)} ${digits.slice(3)}`}</p>
            {problem}
            <div className="th-actions">
              <Button loading={isAnswering} onClick={() => onAnswer({ id, yes: true })}>
                {yes}
              </Button>
              <Button variant="default" onClick={() => onAnswer({ id, yes: false })}>
                {no}
              </Button>
            </div>
          </div>
        </div>
      ))}
    </div>
  )
}
