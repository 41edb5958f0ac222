/**
 * Checks the marker that stays of an erased record: the server's word that it was erased is believed only with the entry
 * of its log that says so, proven like the entry of a record. Spec: docs/protocol/04-records.md §4.7.
 *
 * @module
 */
import type { EvidenceResult, PatientRef, RecordId } from '../../../shared/protocol/src/index.ts'
import { ClientError } from './errors.ts'
import { checkLogPlace, membersOf, type LogEntryMembers, type LogPlaceOptions } from './log-place.ts'
import type { LogPlace } from './record-answer.ts'
import { runCheck, serverReason } from './run-check.ts'
import type { SealInput } from './seal.ts'

export interface VerifyErasedOptions extends LogPlaceOptions {
  readonly nowMs: () => number
  /** Whose record it was, where the reader knows. */
  readonly patient?: PatientRef
  /** What the server proved in this session. */
  readonly evidence?: EvidenceResult
}

/** The result, ready for `sealOf`. */
export interface ErasedReport extends SealInput {
  readonly recordId: RecordId
  readonly marker: NonNullable<SealInput['marker']>
  /** The entry's place in the server's log, where it was proven. */
  readonly logIndex?: number
  readonly ledgerSource: string
}

/** @param place of the entry, as the server gave it; undefined: it gave none, and the check could not run. */
export async function verifyErased(
  record: RecordId,
  place: LogPlace | undefined,
  options: VerifyErasedOptions,
): Promise<ErasedReport> {
  const { ledger, nowMs, evidence, patient } = options
  const log = await runCheck('log', nowMs, async () => {
    if (place === undefined) throw new ClientError('CLIENT_CHECK_SKIPPED', { detail: 'No proof of it was given.' })
    const epoch = await checkLogPlace(place, (entry) => isErasureOf(entry, record, patient), options)
    return `In the record server's log, entry ${place.index}; the log is stored in the ledger (epoch ${epoch}).`
  })
  const server = await runCheck('server', nowMs, () => serverReason(evidence))
  const proven = log.result === 'pass' ? place : undefined
  const erasedMs = proven === undefined ? undefined : (membersOf(proven.entry)?.['timeMs'] as number)
  return {
    recordId: record,
    checks: [log, server],
    practice: ledger.isPractice || (evidence?.simulated ?? false),
    marker: erasedMs === undefined ? {} : { erasedMs },
    ledgerSource: ledger.source,
    ...(proven === undefined ? {} : { logIndex: proven.index }),
  }
}

/** Only the patient erases, so the one who did it is the one whose record it was (§4.7, §8.3). */
function isErasureOf(entry: LogEntryMembers, record: RecordId, patient: PatientRef | undefined): boolean {
  const { t, record: erased, timeMs, actor, patient: of } = entry
  const isOfPatient = actor === of && (patient === undefined || of === patient)
  return t === 'erase' && erased === record && isOfPatient && Number.isSafeInteger(timeMs)
}
