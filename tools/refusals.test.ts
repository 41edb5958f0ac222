import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { runCommand } from './files.ts'
import { comparePlanted } from './planted.ts'
import { refusalFaults } from './refusals.ts'

const PLANTED = `
function check(period: { from: number; to: number }, now: number) {
  if (now < period.from) throw new Error('not yet')
  if (now >= period.to) throw new Error('over') // expect: unreached
  // Unreached: no caller has such a period.
  if (period.to < period.from) throw new Error('backwards')
  // Unreached: nobody is so late.
  if (now > 9) throw new Error('late') // expect: reached-after-all
}
function isWord(text: string): boolean {
  if (text === '') return false // expect: unreached
  if (text.includes(' ')) return false
  if (text.length > 99) throw new TypeError('no such word is ours')
  return true
}
type Code = 'WARRANT_EXPIRED' | 'WARRANT_REVOKED'
const codeOf = (isOver: boolean, isRevoked: boolean): Code | undefined =>
  isOver
    ? 'WARRANT_EXPIRED'
    : isRevoked
      ? 'WARRANT_REVOKED' // expect: unreached
      : undefined
const refused = (step: () => void) => {
  try {
    step()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return true
  }
  throw new Error('not refused') // expect: unreached
}
refused(() => check({ from: 2, to: 50 }, 1))
refused(() => check({ from: 2, to: 50 }, 10))
isWord('two words')
isWord('word')
codeOf(true, false)
codeOf(false, false)
`

function plant(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'refusals-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  writeFileSync(join(root, 'planted.ts'), PLANTED)
  mkdirSync(join(root, 'v8'))
  return root
}

test('refusals that nothing reaches are named, and so are reasons of refusals that something reaches', (t) => {
  const root = plant(t)
  const env = { NODE_V8_COVERAGE: join(root, 'v8') }
  assert.equal(runCommand(process.execPath, [join(root, 'planted.ts')], { env, output: 'keep' }).status, 0)
  const { refusals, faults } = refusalFaults(join(root, 'v8'), ['planted.ts'], root)
  assert.deepEqual(comparePlanted(root, faults), [])
  assert.equal(refusals, 9)
})

test('a file that no test loads has every refusal unreached', (t) => {
  const root = plant(t)
  const { refusals, faults } = refusalFaults(join(root, 'v8'), ['planted.ts'], root)
  assert.equal(faults.length, refusals - 2)
})
