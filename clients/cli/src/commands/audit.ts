/**
 * `trusthealth audit`: the whole ledger, the record server's log against every checkpoint that was ever anchored, its
 * program, and reports of misuse. Needs no permission: auditors see no record.
 *
 * @module
 */
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { organizationPolicyShape, participantRecordShape } from '../../../../shared/ledger-model/src/index.ts'
import { verifyEvidence, type ServerRef, type ServerRegistration } from '../../../../shared/protocol/src/index.ts'
import type { Checkpoint } from '../../../../shared/tlog/src/index.ts'
import { LogWalk } from '../../../sdk/src/audit/log-walk.ts'
import { readCheckpoints } from '../../../sdk/src/auditor.ts'
import { readLedger, readServerRegistration } from '../../../sdk/src/ledger-reader.ts'
import type { LedgerReader } from '../../../sdk/src/ports.ts'
import { codeOfFailure, CommandError, errorView } from '../command-error.ts'
import type { CommandRow } from '../command-row.ts'
import { PRACTICE_POLICY } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { startProgress } from '../import/progress.ts'
import { ledgerReaderOf } from '../ledger-access.ts'
import { table } from '../output.ts'
import { fetchCheckpoint, fetchConsistencyProof, fetchEvidence } from '../record-server.ts'
import { requireSystem, SERVER_PROGRAM, urlOf, type Consortium } from '../system-file.ts'
import { countWords, numberWords } from '../words.ts'
import { verifiedWords, verifyWholeLedger } from './ledger.ts'

export const AUDIT_COMMANDS: readonly CommandRow[] = [
  {
    path: 'audit',
    summary: 'check the shared ledger, the log of the record server, and its program',
    examples: ['audit', 'audit --json', 'audit --as auditor'],
    run: audit,
  },
]

interface Finding {
  readonly check: 'ledger' | 'checkpoints' | 'log' | 'program' | 'misuse'
  readonly ok: boolean
  readonly words: string
  readonly code?: string
}

const TITLES = {
  ledger: 'Shared ledger',
  checkpoints: 'Checkpoints',
  log: 'Log now',
  program: 'Program',
  misuse: 'Misuse',
} as const satisfies Record<Finding['check'], string>

async function audit(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const ledger = ledgerReaderOf(context, consortium, system)
  const url = urlOf(system, SERVER_PROGRAM)
  let log: LogWalk | undefined
  const findings: Finding[] = []
  const run = async (check: Finding['check'], work: () => Promise<string>) => {
    findings.push(await finding(check, work))
  }
  await run('ledger', async () => verifiedWords(await verifyWholeLedger(context, false)))
  await run('checkpoints', async () => {
    log = await walkAnchored(context, ledger, url, consortium.serverRef)
    return anchoredWords(log)
  })
  await run('log', async () => {
    // Without its checkpoints there is nothing to compare with: the reason stands in the line before.
    if (log === undefined) throw new CommandError('CLIENT_CHECK_SKIPPED', { reason: 'the checkpoints did not verify' })
    return nowWords(await log.now(await fetchCheckpoint(context, url)))
  })
  await run('program', () => checkProgram(context, ledger, url, consortium))
  await run('misuse', () => findMisuse(ledger, consortium))
  show(context, findings)
}

function show({ output, clock }: Context, findings: readonly Finding[]): void {
  const text = table(
    findings.map(({ check, ok, words, code }) => [
      ok ? ` ${output.paint.green('✓')}` : ` ${output.paint.red('✗')}`,
      TITLES[check],
      code === undefined ? words : `${words}  ${code}`,
    ]),
    '',
  )
  const faults = findings.filter(({ ok }) => !ok)
  const [worst] = faults
  const summary = `${countWords(findings.length, 'check')}, ${countWords(faults.length, 'fault')}, ${formatMoment(clock.nowMs())}.`
  if (worst === undefined) {
    output.result(
      { checks: findings, faults: 0 },
      `${text}\n\nNot checked here: contents (auditors hold none), and whether an organisation's own authority is honest.\n${summary}`,
    )
    return
  }
  if (output.options.json === 'off') output.note(text)
  const code = codeOfFailure({ code: worst.code }) ?? 'CLIENT_CHECK_SKIPPED'
  throw new CommandError(code, {
    what: summary,
    reason: `${TITLES[worst.check]}: ${worst.words}`,
    data: { checks: findings },
  })
}

async function finding(check: Finding['check'], work: () => Promise<string>): Promise<Finding> {
  try {
    return { check, ok: true, words: await work() }
  } catch (error) {
    const code = codeOfFailure(error)
    if (code === undefined) throw error
    const { what, cause } = errorView(error)
    return { check, ok: false, words: cause ?? what ?? (error as Error).message, code }
  }
}

/** Every anchored checkpoint, each consistent with the one before. @returns the walk, for what the server shows now. */
async function walkAnchored(context: Context, ledger: LedgerReader, url: string, serverRef: ServerRef) {
  const { value: server } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
  const fetchConsistency = (from: number, to: number) => fetchConsistencyProof(context, url, from, to)
  const walk = new LogWalk({ crypto: context.crypto, server, fetchConsistency })
  const records = await readCheckpoints(ledger, serverRef)
  const progress = startProgress(context, 'Checkpoints')
  try {
    for (const [i, record] of records.entries()) {
      await walk.next(record)
      progress.update(i + 1, records.length, `${numberWords(i + 1)} / ${numberWords(records.length)}`)
    }
  } finally {
    progress.end()
  }
  return walk
}

function anchoredWords({ epoch, newest }: LogWalk): string {
  if (newest === undefined) return 'none was anchored yet'
  return `${numberWords(epoch)} anchored, each consistent with the one before, up to entry ${numberWords(newest.size)}`
}

function nowWords({ size, root }: Checkpoint): string {
  return `${numberWords(size)} entries, consistent with the newest anchored checkpoint; root ${encodeHex(root).slice(0, 16)}…`
}

async function checkProgram(
  context: Context,
  ledger: LedgerReader,
  url: string,
  { serverRef }: Consortium,
): Promise<string> {
  const { crypto } = context
  const registration: ServerRegistration = await readServerRegistration(ledger, serverRef)
  const nonce = crypto.randomBytes(32)
  const evidence = await fetchEvidence(context, url, nonce)
  const { measurement, tee, simulated } = verifyEvidence(crypto, evidence, {
    expectedNonce: nonce,
    registration,
    policy: PRACTICE_POLICY,
  })
  return `${measurement.slice(0, 16)}… is approved; ${tee}${simulated ? ', simulated (practice)' : ''}`
}

async function findMisuse(ledger: LedgerReader, { hospitals, operatorMspId }: Consortium): Promise<string> {
  const flagged: string[] = []
  let participants = 0
  for (const mspId of [operatorMspId, ...hospitals.map((one) => one.mspId)]) {
    const { value } = await readLedger(ledger, 'organizationPolicy', [mspId], organizationPolicyShape)
    participants += value.participants.length
    flagged.push(...value.participants.filter((one) => one.flagged).map(({ ref }) => ref))
  }
  const reported = flagged.length === 0 ? 'none reported' : `reported of ${flagged.join(', ')}`
  return `${reported}; ${countWords(participants, 'registered participant')} besides patients`
}
