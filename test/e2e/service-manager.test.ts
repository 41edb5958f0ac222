/**
 * Services under a service manager, which gives them no standard input: with `--stay` its end means nothing, SIGTERM ends
 * them; without it a service whose starter is gone ends. docs/operations/README.md, "Install".
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeBase64url } from '../../shared/crypto/src/index.ts'
import { openTestWorld, type TestWorld } from '../../testkit/src/world/index.ts'
import { ROOT } from '../../tools/files.ts'

let world: TestWorld
before(async () => {
  world = await openTestWorld()
})
after(() => world?.close())

/** A gateway with a copy of hospital B's keys; it registers nothing new. */
function gatewayFolder(name: string): string {
  const folder = join(world.folder, name)
  cpSync(world.hospitalFolder('b'), folder, { recursive: true, filter: (path) => !path.endsWith('/store') })
  const { channel, nodes, quorum } = world.consortium
  const configuration = {
    v: 1,
    name: 'Hospital B',
    mspId: 'HospitalB',
    port: 0,
    channel,
    nodes: nodes.map(({ mspId, publicKey }) => ({ mspId, publicKey: encodeBase64url(publicKey) })),
    quorum,
    ledgerUrl: world.ledger.url,
    server: { ref: world.serverRef, url: world.server.url },
    allowSimulated: true,
  }
  writeFileSync(join(folder, 'hospital.json'), JSON.stringify(configuration))
  return folder
}

function start(folder: string, ...options: string[]) {
  const program = join(ROOT, 'hospital/src/main.ts')
  return spawn(process.execPath, [program, '--folder', folder, ...options], { stdio: ['ignore', 'pipe', 'ignore'] })
}

test('with --stay it serves without standard input until SIGTERM', async () => {
  const child = start(gatewayFolder('stays'), '--stay')
  const exit = once(child, 'exit')
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { url } = JSON.parse(line.toString()) as { url: string }
    // Had the end of its input stopped it, these would find nobody.
    for (let i = 0; i < 20; i++) assert.equal((await fetch(`${url}/health/live`)).status, 200)
    assert.equal(child.exitCode, null)
  } finally {
    child.kill('SIGTERM')
  }
  assert.deepEqual(await exit, [0, null])
})

test('without it, it ends with its standard input', async () => {
  const child = start(gatewayFolder('ends'))
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
