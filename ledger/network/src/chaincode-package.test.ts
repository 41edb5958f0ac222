import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { BUILDER_SCRIPTS, packageChaincode } from './chaincode-package.ts'

const folder = mkdtempSync(join(tmpdir(), 'chaincode-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const connection = {
  address: '127.0.0.1:9999',
  rootPem: 'root\n',
  clientCertificatePem: 'certificate\n',
  clientKeyPem: 'key\n',
}

test('tar unpacks a package, and it says where the process is and how to come to it', () => {
  const { contents } = packageChaincode('trusthealth', connection)
  writeFileSync(join(folder, 'package.tar.gz'), contents)
  execFileSync('tar', ['xzf', 'package.tar.gz'], { cwd: folder })
  execFileSync('tar', ['xzf', 'code.tar.gz'], { cwd: folder })
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))
  assert.deepEqual(read('metadata.json'), { type: 'ccaas', label: 'trusthealth' })
  assert.deepEqual(read('connection.json'), {
    address: '127.0.0.1:9999',
    dial_timeout: '10s',
    tls_required: true,
    client_auth_required: true,
    root_cert: 'root\n',
    client_cert: 'certificate\n',
    client_key: 'key\n',
  })
})

test('the same connection is the same package; another address is another', () => {
  const { contents, id } = packageChaincode('trusthealth', connection)
  assert.equal(id, `trusthealth:${createHash('sha256').update(contents).digest('hex')}`)
  assert.deepEqual(packageChaincode('trusthealth', { ...connection }), { contents, id })
  assert.notEqual(packageChaincode('trusthealth', { ...connection, address: '127.0.0.1:1' }).id, id)
})

test('the builder takes a service, hands its connection on, and leaves other kinds of chaincode alone', () => {
  const at = (name: string) => join(folder, 'builder', name)
  for (const name of ['source', 'metadata', 'other', 'output', 'release']) mkdirSync(at(name), { recursive: true })
  writeFileSync(join(at('metadata'), 'metadata.json'), JSON.stringify({ label: 'x', type: 'ccaas' }))
  writeFileSync(join(at('other'), 'metadata.json'), JSON.stringify({ label: 'ccaas', type: 'golang' }))
  writeFileSync(join(at('source'), 'connection.json'), '{"address":"a:1"}')
  const run = (script: keyof typeof BUILDER_SCRIPTS, ...names: readonly string[]) =>
    spawnSync('sh', ['-c', BUILDER_SCRIPTS[script], script, ...names.map(at)]).status
  assert.equal(run('detect', 'source', 'metadata'), 0)
  assert.notEqual(run('detect', 'source', 'other'), 0)
  assert.equal(run('build', 'source', 'metadata', 'output'), 0)
  assert.equal(run('release', 'output', 'release'), 0)
  assert.equal(readFileSync(join(at('release'), 'chaincode/server/connection.json'), 'utf8'), '{"address":"a:1"}')
})
