/**
 * `trusthealth audit`: the whole ledger, the record server's log against every checkpoint that was ever anchored, its
 * program, and reports of misuse. Needs no permission: auditors see no record.
 *
 * @module
 */
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import {
  approvedStarts,
  misuseRecordShape,
  organizationPolicyShape,
  participantRecordShape,
  type MisuseEntry,
} from '../../../../shared/ledger-model/src/index.ts'
import { verifyEvidence, type ServerRegistration } from '../../../../shared/protocol/src/index.ts'
import type { Checkpoint } from '../../../../shared/tlog/src/index.ts'
import { LogWalk, type GivenUpEntries } from '../../../sdk/src/audit/log-walk.ts'
import { readCheckpoints, readVotes } from '../../../sdk/src/auditor.ts'
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
  /** `fail`: checked and wrong, or it could not be checked; `note`: checked, and people must look at what was found. */
  readonly result: 'pass' | 'note' | 'fail'
  readonly words: string
  readonly code?: string
  readonly reports?: readonly ShownReport[]
  /** Entries of the log that were lost with the organisations' leave. */
  readonly givenUp?: readonly GivenUpEntries[]
}

/** A report of misuse as the ledger has it. */
interface ShownReport extends MisuseEntry {
  /** The subject is still flagged: access that patients gave it rests. */
  readonly flagged: boolean
}

const QUERIES_AT_ONCE = 16

const TITLES = {
  ledger: 'Shared ledger',
  checkpoints: 'Checkpoints',
  log: 'Log now',
  program: 'Program',
  misuse: 'Misuse',
} as const satisfies Record<Finding['check'], string>

async function audit(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const ledger = await ledgerReaderOf(context, consortium, system)
  const url = urlOf(system, SERVER_PROGRAM)
  let log: LogWalk | undefined
  const findings: Finding[] = []
  const run = async (check: Finding['check'], work: () => Promise<string | Found>) => {
    findings.push(await finding(check, work))
  }
  await run('ledger', async () => verifiedWords(await verifyWholeLedger(context, false)))
  await run('checkpoints', async () => {
    log = await walkAnchored(context, ledger, url, consortium)
    return anchored(log)
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
  const { green, yellow, red } = output.paint
  const marks = { pass: green('✓'), note: yellow('!'), fail: red('✗') }
  const text = table(
    findings.flatMap(({ check, result, words, code, reports = [], givenUp = [] }) => [
      [` ${marks[result]}`, TITLES[check], code === undefined ? words : `${words}  ${code}`],
      ...givenUp.map((one) => ['', '', givenUpWords(one)]),
      ...reports.map((report) => ['', '', reportWords(report)]),
    ]),
    '',
  )
  const faults = findings.filter(({ result }) => result === 'fail')
  const notes = findings.filter(({ result }) => result === 'note').length
  const [worst] = faults
  const toLookAt = notes === 0 ? '' : `, ${notes} to look at`
  const summary = `${countWords(findings.length, 'check')}, ${countWords(faults.length, 'fault')}${toLookAt}, ${formatMoment(clock.nowMs())}.`
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

/** What a check found beside its words. */
type Found = Pick<Finding, 'words' | 'reports' | 'givenUp'>

async function finding(check: Finding['check'], work: () => Promise<string | Found>): Promise<Finding> {
  try {
    const found = await work()
    if (typeof found === 'string') return { check, result: 'pass', words: found }
    const { reports = [], givenUp = [] } = found
    return { check, ...found, result: reports.length + givenUp.length === 0 ? 'pass' : 'note' }
  } catch (error) {
    const code = codeOfFailure(error)
    if (code === undefined) throw error
    const { what, cause } = errorView(error)
    return { check, result: 'fail', words: cause ?? what ?? (error as Error).message, code }
  }
}

/** Every anchored checkpoint, each consistent with the one before. @returns the walk, for what the server shows now. */
async function walkAnchored(
  context: Context,
  ledger: LedgerReader,
  url: string,
  { serverRef, hospitals, operatorMspId }: Consortium,
) {
  const { value: server } = await readLedger(ledger, 'participant', [serverRef], participantRecordShape)
  const members = [operatorMspId, ...hospitals.map(({ mspId }) => mspId)]
  const starts = approvedStarts(await readVotes(ledger, serverRef), members)
  const fetchConsistency = (from: number, to: number) => fetchConsistencyProof(context, url, from, to)
  const walk = new LogWalk({ crypto: context.crypto, server, fetchConsistency, starts })
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

function anchored({ epoch, newest, givenUp }: LogWalk): Found {
  if (newest === undefined) return { words: 'none was anchored yet' }
  const upTo = `up to entry ${numberWords(newest.size)}`
  const words =
    givenUp.length === 0
      ? `${numberWords(epoch)} anchored, each consistent with the one before, ${upTo}`
      : `${numberWords(epoch)} anchored, consistent but for what the organisations gave up, ${upTo}`
  return { words, givenUp }
}

function givenUpWords({ term, epoch, size, anchoredSize }: GivenUpEntries): string {
  const lost = `entries ${numberWords(size + 1)} to ${numberWords(anchoredSize)} or more`
  return `${lost}, anchored up to epoch ${numberWords(epoch)}, were lost: votes of term ${numberWords(term)} let the server go on without them`
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

/** Every report there is, settled ones too. */
async function findMisuse(ledger: LedgerReader, { hospitals, operatorMspId }: Consortium): Promise<Found> {
  const refs: string[] = []
  for (const mspId of [operatorMspId, ...hospitals.map((one) => one.mspId)]) {
    const { value } = await readLedger(ledger, 'organizationPolicy', [mspId], organizationPolicyShape)
    refs.push(...value.participants.map(({ ref }) => ref))
  }
  const reports: ShownReport[] = []
  for (let i = 0; i < refs.length; i += QUERIES_AT_ONCE) {
    const some = refs.slice(i, i + QUERIES_AT_ONCE)
    const records = await Promise.all(some.map((ref) => readLedger(ledger, 'misuseOf', [ref], misuseRecordShape)))
    for (const { value } of records) reports.push(...value.reports.map((one) => ({ ...one, flagged: value.flagged })))
  }
  reports.sort((a, b) => a.timeMs - b.timeMs)
  const asked = `${countWords(refs.length, 'registered participant')} besides patients`
  if (reports.length === 0) return { words: `none reported; ${asked}` }
  const flagged = new Set(reports.flatMap((one) => (one.flagged ? [one.subject] : []))).size
  const words = `${countWords(reports.length, 'report')} that people must judge, ${countWords(flagged, 'participant')} flagged; ${asked}`
  return { words, reports }
}

function reportWords({ subject, code, reporter, mspId, timeMs, flagged }: ShownReport): string {
  const state = flagged ? 'flagged: access that patients gave rests' : 'reinstated since'
  return `${subject}: ${code}, reported ${formatMoment(timeMs)} by ${reporter} (${mspId}); ${state}`
}
