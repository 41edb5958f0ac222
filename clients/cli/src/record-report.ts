/**
 * The checks of a record as a command prints them.
 *
 * @module
 */
import type { RecordReport } from '../../sdk/src/verify-record.ts'
import { CommandError } from './command-error.ts'
import type { Context } from './context.ts'
import type { Parties } from './parties.ts'
import { checkLines, paintTone, reportJson, sealOfReport } from './record-view.ts'

/** Prints the checks; a failed one, and one that could not run, end with exit code 6. */
export function showReport(context: Context, report: RecordReport, parties: Parties): void {
  const { output } = context
  const seal = sealOfReport(report)
  const word = paintTone(output.paint, seal.tone, seal.word)
  const failed = report.checks.find(({ result }) => result === 'fail')
  const skipped = report.checks.find(({ result }) => result === 'skip')
  const worst = failed ?? skipped
  if (worst !== undefined) {
    if (output.options.json === 'off') output.note(checkLines(report, output.paintErr, parties))
    throw new CommandError(failed === undefined ? 'CLIENT_CHECK_SKIPPED' : codeOfCheck(failed.code), {
      what: `${seal.word}: ${seal.line}`,
      reason: worst.reason,
      data: reportJson(report),
    })
  }
  output.result(
    reportJson(report),
    `${checkLines(report, output.paint, parties)}\n\nNot told by this: whether the content is right, or who has seen a printed copy.\n` +
      `${word}. ${seal.line}`,
  )
}

export function codeOfCheck(code: string | undefined): CommandError['code'] {
  return (code ?? 'RECORD_HASH_MISMATCH') as CommandError['code']
}
