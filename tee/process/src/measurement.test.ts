import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { measureRuntime, sqlCipherPackage } from './measurement.ts'

test('the measurement of the runtime is what sha256sum gives for its lines', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-runtime-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'lib/deep'), { recursive: true })
  const files = { node: 'program', 'package.json': '{}', 'lib/a.js': 'a', 'lib/deep/b.js': 'b', unused: 'x' }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const sum = (name: string): string =>
    createHash('sha256')
      .update(files[name as 'node'])
      .digest('hex')
  const lines = [
    `${sum('node')}  node\n`,
    `${createHash('sha256').update('host').digest('hex')}  node-host.mjs\n`,
    `${sum('lib/a.js')}  pack/lib/a.js\n`,
    `${sum('lib/deep/b.js')}  pack/lib/deep/b.js\n`,
    `${sum('package.json')}  pack/package.json\n`,
  ].join('')
  const pack = { name: 'pack', folder, files: ['package.json', 'lib'] }
  const measured = await measureRuntime(join(folder, 'node'), Buffer.from('host'), [pack])
  assert.equal(measured, createHash('sha256').update(lines).digest('hex'))
  assert.notEqual(await measureRuntime(join(folder, 'node'), Buffer.from('h0st'), [pack]), measured)
  writeFileSync(join(folder, 'lib/deep/b.js'), 'c')
  assert.notEqual(await measureRuntime(join(folder, 'node'), Buffer.from('host'), [pack]), measured)
})

test('the native package of the record store is found where it is installed', () => {
  const { folder, files } = sqlCipherPackage()
  const script = `require(${JSON.stringify(folder)}); require('node:fs').statSync(${JSON.stringify(join(folder, files[2] ?? ''))})`
  execFileSync(process.execPath, ['-e', script])
})
