/**
 * Kinds of records: icon and words.
 *
 * @module
 */
import {
  IconAlertTriangle,
  IconCalendarEvent,
  IconFileText,
  IconHeartbeat,
  IconNotes,
  IconPill,
  IconReportMedical,
  IconScan,
  IconScissors,
  IconStethoscope,
  IconTestPipe,
  IconVaccine,
  type Icon,
} from '@tabler/icons-react'
import type { EhrType } from '../../../../shared/protocol/src/index.ts'
import type { Words } from '../i18n/words.ts'

export const KIND_ICONS: Readonly<Record<EhrType, Icon>> = {
  lab: IconTestPipe,
  'vital-signs': IconHeartbeat,
  imaging: IconScan,
  medicine: IconPill,
  allergy: IconAlertTriangle,
  immunization: IconVaccine,
  condition: IconStethoscope,
  procedure: IconScissors,
  encounter: IconCalendarEvent,
  document: IconFileText,
  careplan: IconNotes,
  consent: IconReportMedical,
  other: IconNotes,
}

/** "lab results and medicines", "all kinds of records". */
export function scopeText({ t, list }: Words, scope: readonly string[]): string {
  return scope.includes('*') ? t('kind.all') : list(scope.map((kind) => t(`kind.${kind}.many`)))
}
