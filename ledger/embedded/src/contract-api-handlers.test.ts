import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { test } from 'node:test'

const LEDGER = new URL('index.ts', import.meta.url).href

/** Runs a program that loads the ledger; node:test has handlers of its own, so it is another process. */
function run(body: string) {
  const program = `await import('${LEDGER}'); ${body}`
  return spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8', timeout: 60_000 })
}

test('a program that loads the ledger still ends with an uncaught exception or an unhandled rejection', () => {
  for (const fault of ["throw new Error('boom')", "void Promise.reject(new Error('boom'))"]) {
    const { status, stderr, stdout } = run(
      `setTimeout(() => { ${fault} }, 1); setTimeout(() => console.log('alive'), 2_000)`,
    )
    assert.equal(status, 1, stderr)
    assert.match(stderr, /boom/)
    assert.equal(stdout, '')
  }
})

test('a program that loads the ledger has no handlers that it did not set', () => {
  const { stdout } = run(
    "console.log(process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection'))",
  )
  assert.equal(stdout.trim(), '0 0')
})
