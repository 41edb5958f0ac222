import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commandWords, prepareArguments } from './arguments.ts'
import { CommandError } from './command-error.ts'
import type { CommandRow } from './command-row.ts'
import type { Context } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { COMMANDS } from './main.ts'
import { runCli } from './program.ts'
import type { Terminal } from './terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

async function run(rows: readonly CommandRow[], ...given: string[]) {
  const text = { out: '', err: '' }
  const stream = (name: 'out' | 'err') => ({ write: (chunk: string) => (text[name] += chunk), columns: 100 })
  const terminal: Terminal = {
    out: stream('out'),
    err: stream('err'),
    canAsk: false,
    environment: {},
    currentFolder: folder,
    nowMs: () => Date.UTC(2026, 10, 22, 12),
    readInput: () => Promise.resolve(new Uint8Array()),
    onInterrupt: () => () => undefined,
  }
  const exit = await runCli(given, terminal, rows)
  return { exit, ...text }
}

const seen: { context: Context; what: readonly string[]; options: unknown }[] = []
const ROWS: readonly CommandRow[] = [
  {
    path: 'record get',
    what: '<record>',
    summary: 'read a record',
    options: [{ flags: '--kind <kind>', description: 'kind', repeatable: true }],
    examples: ['record get r-1', 'record get r-2', 'record get r-3'],
    run(context, what, options) {
      seen.push({ context, what, options })
      context.output.result({ record: what[0] }, `read ${what[0]}`)
      return Promise.resolve()
    },
  },
  {
    path: 'status',
    summary: 'refuse',
    examples: ['status', 'status', 'status'],
    run: () => Promise.reject(new CommandError('WARRANT_EXPIRED', { reason: 'it ended yesterday' })),
  },
]

test('a command gets its words, its options and the flags of every command, before or after it', async () => {
  const { exit, out } = await run(
    ROWS,
    '--as',
    'bob',
    'record',
    'get',
    'r-1',
    '--kind',
    'lab',
    '--kind',
    'imaging',
    '--quiet',
  )
  assert.equal(exit, EXIT.done)
  assert.equal(out, 'read r-1\n')
  const { context, what, options } = seen.at(-1) as (typeof seen)[number]
  assert.deepEqual(what, ['r-1'])
  assert.equal(context.flags.as, 'bob')
  assert.equal(context.flags.quiet, true)
  assert.deepEqual((options as { kind: string[] }).kind, ['lab', 'imaging'])
})

test('--json does not take the next word for its mode', async () => {
  const { out } = await run(ROWS, 'record', 'get', '--json', 'r-1')
  assert.deepEqual(JSON.parse(out), { ok: true, data: { record: 'r-1' } })
})

test('an error has its code, its cause and its exit code; in JSON too', async () => {
  const human = await run(ROWS, 'status')
  assert.equal(human.exit, EXIT.refused)
  assert.match(human.err, /WARRANT_EXPIRED\n {2}Cause {2}it ended yesterday\n {2}Next {3}/)
  const json = await run(ROWS, 'status', '--json')
  assert.equal(json.exit, EXIT.refused)
  assert.equal(json.err, '')
  const { ok, error } = JSON.parse(json.out) as { ok: boolean; error: { code: string; cause: string } }
  assert.equal(ok, false)
  assert.equal(error.code, 'WARRANT_EXPIRED')
  assert.equal(error.cause, 'it ended yesterday')
})

for (const [given, hint] of [
  [['recrod', 'get', 'x'], 'record get'],
  [['record', 'gte', 'x'], 'record get'],
  [['get', 'x'], 'record get'],
  [['statsu'], 'status'],
] as const) {
  test(`\`${given.join(' ')}\` is told its nearest command`, async () => {
    const { exit, err } = await run(ROWS, ...given)
    assert.equal(exit, EXIT.usage)
    assert.ok(err.includes(`Did you mean \`${hint}\``), err)
  })
}

test('a wrong option and a missing word are wrong calls, in JSON too', async () => {
  assert.equal((await run(ROWS, 'record', 'get')).exit, EXIT.usage)
  assert.equal((await run(ROWS, 'record', 'get', 'r-1', '--unknown')).exit, EXIT.usage)
  const { out, exit } = await run(ROWS, 'record', 'get', '--json')
  assert.equal(exit, EXIT.usage)
  assert.equal((JSON.parse(out) as { error: { code: string } }).error.code, 'CLIENT_USAGE')
})

test('no command at all, or a thing without its verb, shows the help; with --json it is a refusal', async () => {
  for (const given of [[], ['record']]) {
    const { exit, out } = await run(ROWS, ...given)
    assert.equal(exit, EXIT.done)
    assert.match(out, /^Examples:\n( {2}trusthealth .*\n)+/)
    assert.match(out, /Commands:/)
    const json = await run(ROWS, ...given, '--json')
    assert.equal(json.exit, EXIT.usage)
    assert.equal((JSON.parse(json.out) as { error: { code: string } }).error.code, 'CLIENT_USAGE')
  }
})

test('--help and --version end well and start with three examples', async () => {
  const help = await run(ROWS, 'record', 'get', '--help')
  assert.equal(help.exit, EXIT.done)
  assert.match(help.out, /^Examples:\n( {2}trusthealth record get r-\d\n){3}/)
  assert.equal((await run(ROWS, '--version')).exit, EXIT.done)
  assert.match((await run(ROWS, 'help', 'exit-codes')).out, /130 {2}interrupted/)
})

test('a fault of the program is no code of ours: exit 1, and a log with its place', async () => {
  const rows: CommandRow[] = [
    { ...(ROWS[1] as CommandRow), run: () => Promise.reject(new TypeError('x is undefined')) },
  ]
  const { exit, err } = await run(rows, 'status')
  assert.equal(exit, EXIT.unexpected)
  assert.match(err, /cli\.log/)
})

test('aliases: grant and revoke alone, and nothing else is touched', () => {
  assert.deepEqual(prepareArguments(['grant', '--to', 'omar']), ['grant', 'create', '--to', 'omar'])
  assert.deepEqual(prepareArguments(['--as', 'bob', 'revoke', 'g-1']), ['--as', 'bob', 'grant', 'revoke', 'g-1'])
  assert.deepEqual(prepareArguments(['grant', 'list', '--all']), ['grant', 'list', '--all'])
  assert.deepEqual(prepareArguments(['grant', '--help']), ['grant', '--help'])
  assert.deepEqual(prepareArguments(['warrant', 'revoke', 'w-1']), ['warrant', 'revoke', 'w-1'])
  const completed = (...typed: string[]) => prepareArguments(['complete', '--', ...typed]).slice(2)
  assert.deepEqual(completed('grant', '--json'), ['grant', 'create', '--json'])
  assert.deepEqual(completed('grant', 'li'), ['grant', 'li'])
  assert.deepEqual(completed('revoke', ''), ['grant', 'revoke', ''])
  assert.deepEqual(completed('record', 'list', '--json'), ['record', 'list', '--json'])
  assert.deepEqual(commandWords(['--state', 'x', 'record', '--as', 'bob', 'list']), ['record', 'list'])
})

test('every command of the product has three examples of itself and words without full stops', () => {
  for (const { path, examples, summary, options = [] } of COMMANDS) {
    assert.equal(examples.length, 3, path)
    assert.ok(
      examples.every((example) => example.length <= 100 - '  trusthealth '.length),
      path,
    )
    for (const words of [summary, ...options.map((one) => one.description)]) assert.doesNotMatch(words, /[.!]$/, path)
  }
})

test('words that promise too much or sound like a machine do not stand in the help', async () => {
  const forbidden = /\b(secure|safe|trusted|blockchain|TEE|attestation|token|please|successfully|error occurred)\b/i
  for (const { path } of COMMANDS) {
    const { out } = await run(COMMANDS, ...path.split(' '), '--help')
    // A flag is a name, not a promise.
    assert.doesNotMatch(out.replaceAll(/trusthealth|--[a-z-]+/g, ''), forbidden, path)
  }
  assert.doesNotMatch((await run(COMMANDS, '--help')).out.replaceAll('trusthealth', ''), forbidden)
})

test('without a system every command says so, and how to start one', async () => {
  for (const path of ['status', 'stop', 'hospital list', 'ledger verify', 'attest', 'audit']) {
    const { exit, err } = await run(COMMANDS, ...path.split(' '))
    assert.equal(exit, EXIT.unavailable, path)
    assert.match(err, /CLIENT_NOT_RUNNING/, path)
  }
  assert.equal((await run(COMMANDS, 'record', 'list')).exit, EXIT.signIn)
})

test('docs/cli.md names every command, and no other', () => {
  const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  const table = page.slice(page.indexOf('## Commands'), page.indexOf('## Output for programs'))
  const named = [...table.matchAll(/`([a-z-]+(?: [a-z]+)?)`/g)].map(([, words]) => words)
  for (const { path } of COMMANDS) assert.ok(named.includes(path), path)
  const known = new Set([...COMMANDS.map(({ path }) => path), 'completion', 'help', 'grant', 'revoke', 'register'])
  for (const words of named) assert.ok(known.has(words ?? ''), words)
})
