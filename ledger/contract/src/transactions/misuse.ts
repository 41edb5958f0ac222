/**
 * Reports of misuse: provenance and sanction. A report suspends the grants to its subject until the subject's
 * organisation reinstates it. Spec: docs/protocol/07-ledger.md §7.2.
 *
 * @module
 */
import { type MisuseEntry, misuseReportShape, stateKeys } from '../../../../shared/ledger-model/src/index.ts'
import { participantRefShape } from '../../../../shared/protocol/src/index.ts'
import { jsonArgument, plainArgument } from '../arguments.ts'
import type { ContractCall, Outcome } from '../call.ts'
import { activeCaller, findParticipant, unknownParticipant } from '../callers.ts'
import { event, everything, toJson, write } from '../state.ts'
import { putParticipant } from './participants.ts'

const MAX_REPORTS = 1_000

/** @throws {LedgerError} `LEDGER_BAD_ARGUMENT`, `LEDGER_FORBIDDEN`, `PARTICIPANT_UNKNOWN` */
export async function reportMisuse(call: ContractCall, text: string): Promise<Outcome> {
  const report = jsonArgument(misuseReportShape, 'report', text)
  const reporter = await activeCaller(call)
  const subject = await findParticipant(call, report.subject)
  if (subject === undefined) throw unknownParticipant()
  const { timeMs, txId } = call.tx
  const entry: MisuseEntry = { ...report, reporter: reporter.ref, mspId: reporter.mspId, timeMs, txId }
  await write(call.state, stateKeys.misuse(report.subject, timeMs, txId), entry)
  if (!subject.flagged) await putParticipant(call, { ...subject, flagged: true, changedMs: timeMs })
  return {
    result: toJson(entry),
    event: event('MisuseReported', { subject: report.subject, code: report.code, reporter: reporter.ref }),
  }
}

/** Somebody without reports has an empty list, registered or not. @throws {LedgerError} `LEDGER_BAD_ARGUMENT` */
export async function misuseOf(call: ContractCall, refText: string): Promise<Outcome> {
  const ref = plainArgument(participantRefShape, 'ref', refText)
  const flagged = (await findParticipant(call, ref))?.flagged ?? false
  const reports = await everything(call, stateKeys.misusePrefix(ref), MAX_REPORTS)
  return { result: `{"flagged":${flagged},"ref":"${ref}","reports":[${reports.join(',')}]}` }
}
