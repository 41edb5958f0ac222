/**
 * The pages of docs/protocol name what the code has: every operation, command, function, event and kind of log entry,
 * and every limit. Each limit is written by the constant and looked for in the page.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MAX_EMERGENCY_MS, MAX_POLICY_CACHE_MS } from '../../../secure/core/src/keys/configuration.ts'
import { MAX_CLOCK_SKEW_MS, MAX_LEDGER_LAG_MS } from '../../../secure/core/src/access/decision-time.ts'
import {
  DEFAULT_EMERGENCY_MS,
  MAX_REASON_CHARACTERS,
  MIN_REASON_CHARACTERS,
} from '../../../secure/core/src/access/emergencies.ts'
import { ENTRY_KINDS } from '../../../secure/core/src/audit/entry.ts'
import { COMMANDS } from '../../../secure/core/src/commands/table.ts'
import { DEFAULT_LIMITS, SMALL_LIMITS } from '../../../secure/core/src/limits.ts'
import { MAX_STAGED_MS } from '../../../secure/core/src/records/uploads.ts'
import { DEFAULT_BUCKET_BITS } from '../../../secure/core/src/state/state.ts'
import { EVENT_NAMES } from '../../../shared/ledger-model/src/events.ts'
import { CONTRACT_FUNCTIONS } from '../../../shared/ledger-model/src/functions.ts'
import {
  MAX_ACTIVE_PERMISSIONS,
  MAX_ARGUMENT_LENGTH,
  MAX_ARGUMENTS,
  MAX_BATCH_ITEMS,
  MAX_BLOCK_BYTES,
  MAX_BLOCK_TRANSACTIONS,
  MAX_HOSPITALS,
  MAX_LOOKUP_COMMITMENTS,
  MAX_MEASUREMENTS,
  MAX_ORGANIZATIONS,
  MAX_PATIENT_KEYS,
  MAX_POLICY_PATIENTS,
  MAX_PROPOSAL_BYTES,
  MAX_PROPOSAL_SKEW_MS,
  MAX_QUERIES,
  MAX_QUERY_BYTES,
  MAX_RETENTION_DAYS,
  MAX_RETENTION_STEPS,
  PERMISSION_RETENTION_MS,
} from '../../../shared/ledger-model/src/limits.ts'
import { MAX_SECURITY_VERSION } from '../../../shared/ledger-model/src/programs.ts'
import { MAX_TERM } from '../../../shared/ledger-model/src/successions.ts'
import { MAX_CBOR_ITEMS, MAX_CBOR_NESTING } from '../../../shared/protocol/src/cbor.ts'
import { MAX_BATCH_COMMITMENTS } from '../../../shared/protocol/src/commitment.ts'
import { EHR_TYPES } from '../../../shared/protocol/src/ehr-types.ts'
import { MAX_ENVELOPE_BYTES } from '../../../shared/protocol/src/envelope.ts'
import { MAX_GRANT_RECORDS } from '../../../shared/protocol/src/grant.ts'
import {
  MAX_STATEMENT_BYTES,
  MAX_STATEMENT_CERTIFICATE_BYTES,
  MAX_STATEMENT_CERTIFICATES,
} from '../../../shared/protocol/src/jws.ts'
import { MAX_SHARE_HOSPITALS } from '../../../shared/protocol/src/recovery-set.ts'
import { MAX_REQUEST_AGE_MS } from '../../../shared/protocol/src/request.ts'
import {
  MAX_RECORD_BYTES,
  MAX_RECORDS,
  SESSION_LIFETIME_MS,
} from '../../../shared/protocol/src/session/record-layer.ts'
import { REPLAY_WINDOW } from '../../../shared/protocol/src/session/replay-window.ts'
import { MAX_CHAIN_LINKS, MAX_EHR_BYTES } from '../../../shared/protocol/src/upload.ts'
import { MAX_AUX_LENGTH, MAX_WARRANT_DAYS, MAX_WARRANT_PARTIES } from '../../../shared/protocol/src/warrant.ts'
import { MAX_FRAME_BYTES } from '../../../shared/tee-abi/src/frames.ts'
import { ABI_OPS, MAX_ENDORSERS, MAX_ITEMS, MAX_QUERIES as MAX_NEEDED } from '../../../shared/tee-abi/src/ops.ts'
import { MAX_NOTE_SIGNATURES } from '../../../shared/tlog/src/note.ts'
import { MAX_PROOF_HASHES } from '../../../shared/tlog/src/verify.ts'
import { ROOT } from '../../../tools/files.ts'

const pageOf = (name: string) => readFileSync(join(ROOT, 'docs', 'protocol', `${name}.md`), 'utf8')

/** What follows `from`, up to `to`. */
function part(page: string, from: string, to: string): string {
  const start = page.indexOf(from)
  assert.ok(start >= 0, `the page has no ${from}`)
  const end = page.indexOf(to, start + from.length)
  assert.ok(end >= 0, `nothing ends ${from}`)
  return page.slice(start, end)
}

/** Words in backticks of the first cells of a table. */
function firstCells(table: string): string[] {
  const cells = table.split('\n').flatMap((line) => /^\| (`[^|]*)\|/.exec(line)?.[1] ?? [])
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word as string))
}

const named = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word as string)

const LISTS: readonly { readonly what: string; readonly page: readonly string[]; readonly code: readonly string[] }[] =
  [
    {
      what: '7.2: functions of the contract',
      page: firstCells(part(pageOf('07-ledger'), '| function ', 'Results are JSON')),
      code: Object.keys(CONTRACT_FUNCTIONS),
    },
    {
      what: '7.6: events',
      page: named(part(pageOf('07-ledger'), 'names `HashCreated`', 'References and digests')),
      code: EVENT_NAMES,
    },
    {
      what: '8.5: commands of a session',
      page: firstCells(part(pageOf('08-access'), '| cmd ', '8.6')),
      code: Object.keys(COMMANDS),
    },
    {
      what: '10.2: operations of the host',
      page: firstCells(part(pageOf('10-tee-abi'), '| op ', '`status`: digests')),
      code: Object.keys(ABI_OPS),
    },
    {
      what: '3.8: kinds of records',
      page: named(part(pageOf('03-envelopes-and-warrants'), '3.8 ', 'The TA finds')).filter(
        (word) => word !== 'ehrType',
      ),
      code: EHR_TYPES,
    },
  ]

for (const { what, page, code } of LISTS) {
  test(`${what} are those of the code`, () => {
    assert.deepEqual(page.toSorted(), code.toSorted())
  })
}

test('8.3: every kind of log entry is named', () => {
  const kinds = part(pageOf('08-access'), 'Kinds: `store`', '`commit`.') + '`commit`'
  for (const kind of ENTRY_KINDS) assert.ok(kinds.includes(`\`${kind}\``), kind)
})

const KIB = 1024
const MIB = 1024 * KIB
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const count = (value: number) => value.toLocaleString('en')

/** What each page must say, as the code has it. */
const LIMITS: Readonly<Record<string, readonly string[]>> = {
  '01-conventions': [
    row('one EHR', `${MAX_EHR_BYTES / MIB} MiB`),
    row('one envelope; one session record (5.7)', `${MAX_ENVELOPE_BYTES / MIB} MiB; ${recordLimit()}`),
    row('one signed statement', `${MAX_STATEMENT_BYTES / KIB} KiB`),
    row(
      'one certificate; a chain',
      `${MAX_STATEMENT_CERTIFICATE_BYTES / KIB} KiB; ${MAX_STATEMENT_CERTIFICATES} certificates`,
    ),
    row('CBOR nesting; items in one array or map', `${MAX_CBOR_NESTING}; ${count(MAX_CBOR_ITEMS)}`),
    row('records in one commit batch', count(MAX_BATCH_COMMITMENTS)),
    row("links in a doctors' chain", String(MAX_CHAIN_LINKS)),
  ],
  '02-registration': [
    `at most ${MAX_POLICY_CACHE_MS / 1000} s and ${MAX_EMERGENCY_MS / HOUR_MS} h`,
    `is at most ${MAX_REQUEST_AGE_MS / 1000} s off`,
  ],
  '03-envelopes-and-warrants': [
    `has at most ${MAX_ENVELOPE_BYTES / MIB} MiB`,
    `has 1 to ${MAX_WARRANT_PARTIES} entries`,
    `at most ${count(MAX_AUX_LENGTH)} UTF-16 units`,
    `at most ${MAX_WARRANT_DAYS} days`,
    `at most ${MAX_GRANT_RECORDS}, none twice`,
    `(1 to ${MAX_GRANT_RECORDS}, none twice`,
  ],
  '04-records': [
    `longer than ${MAX_EHR_BYTES / MIB} MiB`,
    `staged for ${MAX_STAGED_MS / DAY_MS} days`,
    `2 ≤ I ≤ ${MAX_CHAIN_LINKS}`,
  ],
  '05-sessions': [
    `at most ${recordLimit()};`,
    `sliding window of ${count(REPLAY_WINDOW)}`,
    `Lifetime: ${SESSION_LIFETIME_MS / HOUR_MS} hour, the end of the credential, or 2^${Math.log2(MAX_RECORDS)} records`,
    `live ${DEFAULT_LIMITS.halfOpenMs / 1000} s; at most ${count(DEFAULT_LIMITS.halfOpen)}.`,
    `has ${SMALL_LIMITS.halfOpen} that live ${SMALL_LIMITS.halfOpenMs / 1000} s, and ${SMALL_LIMITS.sessions} open sessions`,
    `Open sessions at most ${count(DEFAULT_LIMITS.sessions)}`,
  ],
  '06-log-and-checkpoints': [
    `hashes, at most ${MAX_PROOF_HASHES},`,
    `1 to ${MAX_NOTE_SIGNATURES} signature lines`,
    `default ${DEFAULT_BUCKET_BITS})`,
    `more than ${count(DEFAULT_LIMITS.stateChanges)} wait`,
    `up to ${MAX_PROOF_HASHES} lines of base64`,
  ],
  '07-ledger': [
    `\`timeMs\` more than ${MAX_PROPOSAL_SKEW_MS / MINUTE_MS} minutes off`,
    `more than ${PERMISSION_RETENTION_MS / DAY_MS} days ago`,
    `of 1 to ${count(MAX_SECURITY_VERSION)};`,
    `each term of 1 to ${count(MAX_TERM)}`,
    row(
      'proposal; one argument; number of arguments',
      `${count(MAX_PROPOSAL_BYTES)} bytes; ${count(MAX_ARGUMENT_LENGTH)} UTF-16 units; ${MAX_ARGUMENTS}`,
    ),
    row('signed query; queries in it', `${MAX_QUERY_BYTES / KIB} KiB; ${MAX_QUERIES}`),
    row(
      'transactions in a block; bytes after which it is closed',
      `${MAX_BLOCK_TRANSACTIONS}; ${MAX_BLOCK_BYTES / MIB} MiB`,
    ),
    row('organisations of a channel', String(MAX_ORGANIZATIONS)),
    row('days of a retention period; its steps', `${count(MAX_RETENTION_DAYS)}; ${MAX_RETENTION_STEPS}`),
    row(
      'items in a batch; places in `commitments`, `commitmentLeaves` and `retainedUntil`; patients in `patientPolicy`',
      `${count(MAX_BATCH_ITEMS)}; ${count(MAX_LOOKUP_COMMITMENTS)}; ${MAX_POLICY_PATIENTS}`,
    ),
    row(
      'keys of a patient that ever were; active warrants, and again grants',
      `${MAX_PATIENT_KEYS}; ${MAX_ACTIVE_PERMISSIONS}`,
    ),
    row('hospitals on a record; accepted measurements of a server', `${MAX_HOSPITALS}; ${MAX_MEASUREMENTS}`),
  ],
  '08-access': [
    `minus ${MAX_LEDGER_LAG_MS / MINUTE_MS} minutes (\`CLOCK_SKEW\` if further apart than ${MAX_CLOCK_SKEW_MS / MINUTE_MS} minutes)`,
    `(default 0, at most ${count(MAX_POLICY_CACHE_MS)})`,
    `(default ${DEFAULT_EMERGENCY_MS / HOUR_MS} hours)`,
    `${MIN_REASON_CHARACTERS} to ${MAX_REASON_CHARACTERS} characters`,
  ],
  '10-tee-abi': [
    `length 1 to ${MAX_FRAME_BYTES / MIB} MiB`,
    `\`record\` ${recordLimit()}`,
    `${count(MAX_ITEMS)} items in one \`committed\` or \`watch\`, ${MAX_NEEDED} queries in one \`need\`, ${MAX_ENDORSERS} answers to a query`,
    `at most ${SMALL_LIMITS.recordBytes / KIB} KiB (\`maxRecordBytes\``,
  ],
  '12-recovery-shares': [`(the first ${MAX_SHARE_HOSPITALS})`],
}

function row(what: string, limit: string): string {
  return `| ${what} | ${limit} |`
}

function recordLimit(): string {
  const whole = Math.floor(MAX_RECORD_BYTES / MIB)
  return `${whole} MiB + ${(MAX_RECORD_BYTES - whole * MIB) / KIB} KiB`
}

for (const [name, sentences] of Object.entries(LIMITS)) {
  test(`${name}: its limits are those of the code`, () => {
    const page = pageOf(name).replaceAll(/ +\|/g, ' |')
    for (const sentence of sentences) assert.ok(page.includes(sentence), `${name}.md lacks: ${sentence}`)
  })
}
