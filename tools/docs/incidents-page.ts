/**
 * docs/operations/incidents.md: what an operator does at which code. Codes, meanings and first steps are the error
 * table's; the steps below are added where an operator, not the caller, has to act. Codes that no operator meets
 * (`usage`, `refused`, `sign-in`) stand in docs/errors.md only.
 *
 * @module
 */
import type { ErrorCode, ErrorKind, ErrorRow } from '../../shared/protocol/src/error-table.ts'

const KINDS = {
  check:
    'Something was verified and is wrong. Stop relying on it first, then find out. Never make it go away by a restart.',
  unavailable: 'A part does not answer. Nothing acknowledged is lost; find the part, and the rest goes on by itself.',
  internal: 'A fault of this product. Keep the log lines and report it.',
} as const satisfies Partial<Record<ErrorKind, string>>

/** What the operator does, in order. */
const STEPS: Partial<Record<ErrorCode, readonly string[]>> = {
  PROGRAM_DOWNGRADE: [
    'The record server’s program was exchanged for an older release. Install the one that ran before, or a newer one.',
    'If nobody did that on purpose: treat the host as hostile, as with STATE_ROLLED_BACK.',
  ],
  PROGRAM_NOT_APPROVED: [
    '`trusthealth program show FILE` says who voted for the new program, and for which security version.',
    'Each administrator builds the release, compares the measurement, and votes: `trusthealth program approve FILE --security-version N` ([upgrade](README.md#upgrade)). Then start it again.',
    'If the exchange was not intended: install the program that ran before.',
  ],
  STORE_SUCCEEDED: [
    'Another record server holds the store, by votes on the ledger: `trusthealth recovery show` says which one. Leave this one stopped; what it had acknowledged and not handed on is in its store folder, which is kept.',
    'If that was not intended: more than half of the organisations vote for this one again, in the next term ([backups](backups.md)).',
  ],
  STORE_NOT_HELD: [
    'The store was copied here, or moved to another device. `trusthealth recovery show` says what the organisations voted for.',
    'If this device is to go on: each administrator votes with `trusthealth recovery approve` ([backups](backups.md)). Then start it again. If not, remove the copy.',
  ],
  STATE_ROLLED_BACK: [
    'The trusted application has stopped by itself and stays so. Leave it.',
    'Copy the store folder as it is, for the report: `cp -a`.',
    'Was a backup put back, a disk restored, a machine cloned or moved? Then start the newest store there is: the one whose log is as long as the anchored checkpoint (`trusthealth audit` shows its size).',
    'If nobody did: treat the host as hostile. Its operator, or whoever has its disk, changed files. Tell the other organisations; witnesses and receipts show what was acknowledged.',
  ],
  CHECKPOINT_FORKED: [
    'Two histories of one server exist. Stop every copy of this server; look for a clone (a second machine, a snapshot that was started).',
    'Ask each hospital for `GET /v1/witness/<server>`: a pair of checkpoints there is a proof that anybody can check.',
    'Go on with the copy that the ledger knows (`trusthealth audit`). Records that only the other one acknowledged are found by their receipts: their authors upload them again.',
  ],
  LOG_NOT_CONSISTENT: [
    'Somebody was shown another log. Keep both checkpoints (`GET /v1/witness/<server>` of each hospital, or the receipt).',
    'Compare with the ledger: `trusthealth audit`. What it does not know is the wrong one.',
    'Treat the server as hostile until the difference is explained; hospitals go on cosigning nothing of it by themselves.',
    'Only after the organisations agreed which log goes on: each hospital that cosigned the other one removes `witness/<server>.json` in its folder, keeps a copy, and starts its service again.',
  ],
  LOG_PROOF_INVALID: ['As LOG_NOT_CONSISTENT: the server could not prove that one checkpoint continues the other.'],
  STORE_DAMAGED: [
    'Do not start again and again: each start reads the same damaged pages.',
    'Copy the folder as it is. Check the disk (`dmesg`, SMART) and whether the key file is the right one.',
    'Put the newest backup that `trusthealth backup prove` accepts back, as the [run book](README.md#restore) says.',
  ],
  STORE_FAILED: [
    'The disk is full, read-only or failing: `df`, `dmesg`, `mount`.',
    'Make room or mend the disk; the service starts again by itself and has lost nothing that it acknowledged.',
  ],
  ATTESTATION_MEASUREMENT: [
    'Another program runs than the hospitals approved. Was it upgraded? Then the organisation’s administrator approves it on the ledger ([upgrade](README.md#upgrade)).',
    'If not: stop the server, compare `sha256sum` of the bundle with the build of the release.',
  ],
  ATTESTATION_CONFIG: [
    'The server was provisioned with other organisations than the ledger has, or an update was kept from it.',
    'Start with `trusthealth start`, which hands over the updates that are missing; if it stays, treat the host as hostile.',
  ],
  TEE_MEASUREMENT: [
    'The file of the trusted application is not the one that was named. Build it again (`npm run bundle:ta`) and compare.',
  ],
  LEDGER_UNAVAILABLE: [
    'Reads go on for as long as what is remembered may be used; stores wait. Start the ledger’s nodes, or mend the way to them.',
    'With several organisations: as many as the quorum must answer.',
  ],
  WITNESS_TOO_FEW: [
    'Look at `trusthealth witness status`: which hospital is behind? Is its service up, does it reach the record server?',
    'A hospital that refuses has kept why: LOG_NOT_CONSISTENT.',
  ],
  TEE_RESTARTED: ['Once is nothing. Again and again: memory or the platform; look at the log lines before it.'],
}

const title = (kind: string) => kind.charAt(0).toUpperCase() + kind.slice(1)

/** The page as Markdown, before formatting. @throws {TypeError} if a step is for a code that the table does not have. */
export function incidentsPage(table: Readonly<Record<string, ErrorRow>>): string {
  for (const code of Object.keys(STEPS)) {
    if (!Object.hasOwn(table, code)) throw new TypeError(`steps for ${code}, which is no code`)
  }
  const sections = Object.entries(KINDS).map(([kind, meaning]) => {
    const codes = Object.entries(table)
      .filter(([, row]) => row.kind === kind)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
    const withSteps = codes.filter(([code]) => stepsOf(code) !== undefined).map(([code, row]) => incident(code, row))
    const others = codes.filter(([code]) => stepsOf(code) === undefined).map(([code, row]) => line(code, row))
    const rest =
      others.length === 0
        ? ''
        : `### Others\n\n| code | what happened | what to do |\n| --- | --- | --- |\n${others.join('\n')}\n`
    return `## ${title(kind)}\n\n${meaning}\n\n${withSteps.join('\n')}\n${rest}`
  })
  return `# Incidents by code

What an operator does when a service, a log line or \`trusthealth status\` shows a code. Before anything else: write down the time, the code and the service; logs have no contents of records, so they may be sent.
What the caller must change stands in [errors.md](../errors.md) only. This page is written from the error table by \`npm run docs:write\`; do not edit it.

${sections.join('\n')}`
}

function stepsOf(code: string): readonly string[] | undefined {
  return (STEPS as Readonly<Record<string, readonly string[]>>)[code]
}

function incident(code: string, { meaning, action }: ErrorRow): string {
  const steps = stepsOf(code) ?? []
  return `### ${code}\n\n${meaning} ${action}\n\n${steps.map((step, i) => `${i + 1}. ${step}`).join('\n')}\n`
}

function line(code: string, { meaning, action }: ErrorRow): string {
  return `| [${code}](../errors.md#${code.toLowerCase()}) | ${meaning} | ${action} |`
}
