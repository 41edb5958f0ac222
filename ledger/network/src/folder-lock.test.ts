import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { lockFolder } from './folder-lock.ts'
import { processRecord } from './processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'lock-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const busy = { code: 'NETWORK_BUSY' }

test('a folder that is held is refused, until it is given free', () => {
  const path = join(folder, 'own')
  const unlock = lockFolder(path)
  assert.throws(() => lockFolder(path), busy)
  unlock()
  lockFolder(path)()
  assert.ok(!existsSync(path))
})

test('another process holds a folder while it lives, and not longer', async () => {
  const path = join(folder, 'other')
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  writeFileSync(path, processRecord(child.pid ?? 0))
  assert.throws(() => lockFolder(path), busy)
  child.kill('SIGKILL')
  await once(child, 'exit')
  lockFolder(path)()
})

test('a damaged lock holds nobody up', () => {
  const path = join(folder, 'damaged')
  writeFileSync(path, '{')
  lockFolder(path)()
})
