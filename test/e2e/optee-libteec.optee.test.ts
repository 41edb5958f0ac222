/**
 * The driver of ARM boards with a real OP-TEE: in the emulated machine, Node in the normal world calls libteec through
 * koffi, as it does on a board. What only a board has is missing: its firmware, its kernel, its speed.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildSync } from 'esbuild'
import { labResult, openTestWorld } from '../../testkit/src/world/index.ts'
import { opteeTee } from '../../testkit/src/world/optee.ts'
import { builtFiles } from '../../tee/optee/src/index.ts'
import { ROOT } from '../../tools/files.ts'

const FIXTURES = join(ROOT, 'tee/optee/test-fixtures')
/** In several of the pieces that the driver sends. */
const LARGE_BYTES = 200 * 1024

const folder = mkdtempSync(join(tmpdir(), 'trusthealth-libteec-guest-'))
after(() => rmSync(folder, { recursive: true, force: true }))
before(() => {
  const bundle = join(folder, 'node-proxy.mjs')
  buildSync({
    entryPoints: [join(FIXTURES, 'node-proxy.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['koffi'],
  })
  execFileSync(join(FIXTURES, 'build-node-guest.sh'), [bundle, folder], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
})

test('a record is stored, read and verified, and is there after a new session, through koffi and libteec', async () => {
  const files = { ...builtFiles(), initrd: join(folder, 'initrd.gz') }
  await using world = await openTestWorld({ tee: opteeTee(() => undefined, join(folder, 'ta'), files) })
  const bob = await world.patient('bob')
  const alice = await world.doctor('alice')
  const { warrant } = await world.permit(bob, [alice])
  const { recordId } = await alice.store({ patient: bob.ref, warrant, ehr: labResult(47) })
  const tooLarge = world.server.tee.request('record', { record: new Uint8Array(LARGE_BYTES) })
  await assert.rejects(tooLarge, { code: 'RECORD_TOO_LARGE' })
  await world.server.stop()
  await world.server.start()
  await world.server.serving()
  const read = await bob.read(recordId)
  assert.deepEqual(read.ehr, labResult(47))
  assert.ok((await bob.verify(read)).checks.every(({ result }) => result === 'pass'))
  assert.equal(world.server.tee.restarts, 0)
})
