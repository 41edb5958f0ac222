/**
 * A FHIR R4 resource for people: the parts that matter of each kind, its narrative, attached documents. Other members
 * stay in "Show as data".
 *
 * @module
 */
import { Button } from '@mantine/core'
import { IconFileDownload } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { RangeBar } from '../charts/range-bar.tsx'
import { useWords } from '../i18n/i18n.tsx'
import { saveFile } from '../shell/save-file.ts'
import { FhirDate } from './fhir-date.tsx'
import { at, conceptText, isObj, listAt, measuredOf, narrativeText, textAt, unitText, type Resource } from './read.ts'
import { RangeText, ValueText } from './value-text.tsx'

interface ResourceViewProps {
  readonly resource: Resource
  /** Not where the record must not be relied on: then no value is interpreted. */
  readonly hasInterpretation: boolean
}

export function ResourceView({ resource, hasInterpretation }: ResourceViewProps): ReactNode {
  const { t } = useWords()
  const facts = factsOf(resource)
  const narrative = narrativeText(resource)
  const measured = measuredOf(resource)
  return (
    <>
      {measured.map((one) => (
        <div key={one.name} className="th-measured">
          {measured.length > 1 ? <h2>{one.name}</h2> : undefined}
          <p className="th-big-value">
            <ValueText measured={hasInterpretation ? one : { ...one, flag: 'none' }} />
          </p>
          <p className="th-dimmed">
            <RangeText measured={one} />
          </p>
          {hasInterpretation ? <RangeBar measured={one} /> : undefined}
        </div>
      ))}
      {facts.length === 0 ? undefined : (
        <dl className="th-facts">
          {facts.map(({ label, values }) => (
            <div key={label}>
              <dt>{t(`fhir.${label}`)}</dt>
              {values.map((value, i) => (
                <dd key={i}>{value}</dd>
              ))}
            </div>
          ))}
        </dl>
      )}
      {narrative === undefined ? undefined : <p className="th-narrative">{narrative}</p>}
      <Attachments resource={resource} />
    </>
  )
}

interface Fact {
  readonly label: string
  readonly values: readonly ReactNode[]
}

function factsOf(resource: Resource): readonly Fact[] {
  const facts: Fact[] = []
  const add = (label: string, values: readonly (ReactNode | undefined)[]) => {
    const known = values.filter((value) => value !== undefined && value !== '')
    if (known.length > 0) facts.push({ label, values: known })
  }
  const words = (key: string) => listAt(resource, key).map(conceptText)
  const date = (key: string) => {
    const text = textAt(resource, key)
    return text === undefined ? undefined : <FhirDate text={text} />
  }
  const period = (value: unknown): ReactNode | undefined => {
    const start = textAt(value, 'start')
    const end = textAt(value, 'end')
    if (start === undefined && end === undefined) return undefined
    return (
      <>
        {start === undefined ? '…' : <FhirDate text={start} />} – {end === undefined ? '…' : <FhirDate text={end} />}
      </>
    )
  }
  add('status', [
    conceptText(at(resource, 'clinicalStatus')) ?? unusualStatus(resource),
    conceptText(at(resource, 'verificationStatus')),
  ])
  add('dosage', listAt(resource, 'dosageInstruction').map(dosageText))
  add('dosage', listAt(resource, 'dosage').map(dosageText))
  add('reason', [...words('reasonCode'), ...listAt(resource, 'reasonReference').map(conceptText)])
  add('criticality', [textAt(resource, 'criticality')])
  add(
    'reaction',
    listAt(resource, 'reaction').flatMap((one) => listAt(one, 'manifestation').map(conceptText)),
  )
  add('severity', words('severity'))
  add('site', words('bodySite'))
  add('onset', [date('onsetDateTime'), textAt(resource, 'onsetString')])
  add('abatement', [date('abatementDateTime')])
  add('period', [period(at(resource, 'period')), period(at(resource, 'performedPeriod'))])
  add(
    'place',
    listAt(resource, 'location').map((one) => conceptText(at(one, 'location'))),
  )
  add('lot', [textAt(resource, 'lotNumber')])
  add('conclusion', [textAt(resource, 'conclusion')])
  add('results', listAt(resource, 'result').map(conceptText))
  add('participants', [
    ...listAt(resource, 'participant').map((one) => conceptText(at(one, 'individual'))),
    ...listAt(resource, 'performer').map((one) => conceptText(at(one, 'actor')) ?? conceptText(one)),
  ])
  add(
    'notes',
    listAt(resource, 'note').map((one) => textAt(one, 'text')),
  )
  return facts
}

/** A result that is final is what people expect; anything else is worth a line. */
function unusualStatus(resource: Resource): string | undefined {
  const status = textAt(resource, 'status')
  return status === 'final' || status === 'current' || status === 'completed' ? undefined : status
}

function dosageText(dosage: unknown): string | undefined {
  const direct = textAt(dosage, 'text')
  if (direct !== undefined) return direct
  const dose = at(dosage, 'doseAndRate', 'doseQuantity')
  const amount = textAt(dose, 'value')
  const parts = [
    amount === undefined ? undefined : `${amount} ${unitText(textAt(dose, 'unit') ?? textAt(dose, 'code'))}`,
    conceptText(at(dosage, 'route')),
    frequencyText(at(dosage, 'timing', 'repeat')),
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : parts.join(', ')
}

function frequencyText(repeat: unknown): string | undefined {
  if (!isObj(repeat)) return undefined
  const frequency = textAt(repeat, 'frequency')
  const period = textAt(repeat, 'period')
  const unit = textAt(repeat, 'periodUnit')
  return frequency === undefined || period === undefined ? undefined : `${frequency} × / ${period} ${unit ?? ''}`
}

function Attachments({ resource }: { readonly resource: Resource }): ReactNode {
  const { t } = useWords()
  const attachments = [
    ...listAt(resource, 'content').map((one) => at(one, 'attachment')),
    ...listAt(resource, 'presentedForm'),
  ].filter(isObj)
  return attachments.map((attachment, i) => {
    const type = textAt(attachment, 'contentType') ?? ''
    const data = textAt(attachment, 'data')
    if (data === undefined) return undefined
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
    const name = textAt(attachment, 'title') ?? t('record.document')
    if (type.startsWith('text/plain')) {
      return (
        <section key={i}>
          <h2>{name}</h2>
          <pre className="th-document">{new TextDecoder().decode(bytes)}</pre>
        </section>
      )
    }
    return (
      <div key={i} className="th-actions">
        <Button
          variant="default"
          leftSection={<IconFileDownload size={18} aria-hidden />}
          onClick={() => saveFile(name, new Blob([bytes], { type }))}
        >
          {t('record.document.save', { name, type })}
        </Button>
      </div>
    )
  })
}
