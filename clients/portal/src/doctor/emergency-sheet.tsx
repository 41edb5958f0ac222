/**
 * Emergency access: who the patient is comes first, then the reason; who is told stands above the button. Where nobody can
 * say who may look it stays closed, and says why.
 *
 * @module
 */
import '@mantine/core/styles/ScrollArea.css'
import '@mantine/core/styles/Paper.css'
import '@mantine/core/styles/CloseButton.css'
import '@mantine/core/styles/Overlay.css'
import '@mantine/core/styles/ModalBase.css'
import '@mantine/core/styles/Radio.css'
import '@mantine/core/styles/Modal.css'
import { Button, Modal, Radio, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { isAway } from '../errors/error-words.ts'
import { Problem } from '../errors/problem.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { bornText, numberText } from './born.ts'
import type { PatientRow } from './doctor-area.ts'
import { barOf, EMERGENCY_REASONS, FEWEST_CHARACTERS, missingIn, type EmergencyReasonCode } from './model/emergency.ts'
import { doctor, queries } from './queries.ts'

interface EmergencySheetProps {
  readonly row: Pick<PatientRow, 'patient' | 'name' | 'birthDate'>
  readonly onClose: () => void
}

export function EmergencySheet({ row, onClose }: EmergencySheetProps): ReactNode {
  const words = useWords()
  const { t } = words
  const { patient, name, birthDate } = row
  const [, navigate] = useLocation()
  const cache = useQueryClient()
  const entitled = useQuery({ ...queries.entitled, staleTime: 0 })
  const [reason, setReason] = useState<EmergencyReasonCode>()
  const [text, setText] = useState('')
  const [wasTried, setWasTried] = useState(false)
  const open = useMutation({
    mutationFn: (chosen: EmergencyReasonCode) => doctor.openEmergency(patient, chosen, text.trim()),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: ['doctor'] })
      navigate(`/doctor/patient/${patient}`)
      onClose()
    },
  })
  const bar = barOf({
    isEntitled: entitled.data !== false,
    ledgerAnswers: !(entitled.isError && isAway(entitled.error)),
    serverAnswers: !(open.isError && isAway(open.error)),
  })
  const missing = missingIn({ reason, text })
  return (
    <Modal.Root opened onClose={onClose} size="lg" lockScroll={false}>
      <Modal.Overlay />
      <Modal.Content>
        {/* Not Modal.Header: a second header element would be a second banner of the page. */}
        <div className="th-dialog-head">
          <Modal.Title>{t('doctor.emergency.title')}</Modal.Title>
          <Modal.CloseButton aria-label={t('action.close')} />
        </div>
        <Modal.Body>
          <div className="th-fields">
            <p className="th-emergency-who">
              <b>{name}</b>
              <span>
                <span className="th-dimmed">{t('doctor.banner.born')}</span> {bornText(words, birthDate)}
              </span>
              <span>
                <span className="th-dimmed">{t('doctor.banner.number')}</span> {numberText(patient)}
              </span>
            </p>
            {bar === undefined ? undefined : (
              <div className="th-problem" data-tone="wait" role="status">
                <p>{t(`doctor.emergency.bar.${bar}`)}</p>
              </div>
            )}
            <Radio.Group
              label={t('doctor.emergency.reason')}
              value={reason ?? ''}
              onChange={(chosen) => setReason(chosen as EmergencyReasonCode)}
              error={wasTried && missing.includes('reason') ? t('doctor.emergency.missing.reason') : undefined}
            >
              <div className="th-choices">
                {EMERGENCY_REASONS.map((one) => (
                  <Radio key={one} value={one} label={t(`doctor.emergency.reason.${one}`)} />
                ))}
              </div>
            </Radio.Group>
            <Textarea
              label={t('doctor.emergency.text')}
              description={t('doctor.emergency.text.least', { count: FEWEST_CHARACTERS })}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              autosize
              minRows={2}
              error={
                wasTried && missing.includes('text')
                  ? t('doctor.emergency.missing.text', { count: FEWEST_CHARACTERS })
                  : undefined
              }
            />
            <p>{t('doctor.emergency.told', { name })}</p>
            {open.isError ? <Problem error={open.error} /> : undefined}
            <div className="th-actions">
              <Button
                color="bad"
                loading={open.isPending}
                disabled={bar !== undefined}
                onClick={() => {
                  setWasTried(true)
                  if (missing.length === 0 && reason !== undefined) open.mutate(reason)
                }}
              >
                {t('doctor.emergency.open')}
              </Button>
              <Button variant="default" onClick={onClose}>
                {t('action.cancel')}
              </Button>
            </div>
          </div>
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
