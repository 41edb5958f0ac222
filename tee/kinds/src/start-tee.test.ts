/**
 * The choice of a TEE: what is measured before anything starts, and where the guest of an emulated machine finds its
 * program. The drivers themselves: tee/process, tee/optee.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { TA_UUID } from '../../optee/src/index.ts'
import { startTee, TEE_KINDS, type TeeSettings } from './index.ts'

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-kinds-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const program = 'a signed program'
const measurement = createHash('sha256').update(program).digest('hex')
/** Of a machine that was not built: it gets as far as that. */
const files = { flash: join(folder, 'none'), kernel: join(folder, 'none'), initrd: join(folder, 'none') }

function settingsIn(name: string, changes: Partial<TeeSettings> = {}): TeeSettings {
  const taPath = join(folder, `${name}.ta`)
  writeFileSync(taPath, program)
  return { taPath, measurement, storeFolder: join(folder, name), ...changes }
}

test('there are two kinds', () => {
  assert.deepEqual(TEE_KINDS, ['process', 'optee'])
})

for (const [name, changes] of Object.entries({
  process: {},
  optee: { optee: files },
  board: { board: true },
} as const)) {
  test(`${name}: a program that is not the measured one, or is not there, does not start`, async () => {
    const wrong = settingsIn(`${name}-wrong`, { ...changes, measurement: '00'.repeat(32) })
    await assert.rejects(startTee(wrong), { code: 'TEE_MEASUREMENT' })
    const absent = settingsIn(`${name}-absent`, changes)
    rmSync(absent.taPath)
    await assert.rejects(startTee(absent), { code: 'TEE_MEASUREMENT' })
    assert.ok(!existsSync(join(absent.storeFolder, 'run')))
  })
}

test('the guest gets the measured bytes and nothing of an earlier start', async () => {
  const settings = settingsIn('guest', { optee: files })
  const run = join(settings.storeFolder, 'run')
  mkdirSync(run, { recursive: true })
  writeFileSync(join(run, 'earlier.ta'), 'earlier')
  await assert.rejects(startTee(settings), { code: 'TEE_MEASUREMENT' })
  assert.deepEqual(readdirSync(run), [`${TA_UUID}.ta`])
  assert.equal(readFileSync(join(run, `${TA_UUID}.ta`), 'utf8'), program)
  assert.equal(statSync(join(run, `${TA_UUID}.ta`)).mode & 0o222, 0)
})
