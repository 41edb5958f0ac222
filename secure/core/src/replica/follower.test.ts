import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeHex } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { createSqlCipherPort } from '../../../adapters/sqlcipher/src/index.ts'
import { MIGRATIONS } from '../schema.ts'
import { Store, type Committed } from '../store.ts'
import { Follower } from './follower.ts'

const crypto = createNodeCrypto()
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-follower-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('a copy that an earlier program made is refused and stays as it was: STORE_DAMAGED', () => {
  const key = crypto.randomBytes(32)
  const open = () => createSqlCipherPort({ folder }).open('store.db', key)
  const earlier = MIGRATIONS.slice(0, -1)
  const made = Store.open(crypto, open(), undefined, undefined, earlier)
  assert.equal(made.isUndecided, false)
  made.database.close()
  const copy = open()
  assert.throws(() => new Follower(crypto, copy), { code: 'STORE_DAMAGED' })
  copy.close()
  const again = Store.open(crypto, open(), undefined, undefined, earlier)
  assert.equal(again.isUndecided, false)
  again.database.close()
})

/** A store, a copy of it as it was, and the commit that came after. */
function commitAfterCopy() {
  const name = encodeHex(crypto.randomBytes(4))
  const port = createSqlCipherPort({ folder })
  const key = crypto.randomBytes(32)
  const store = Store.open(crypto, port.open(`${name}.db`, key))
  const told: Committed[] = []
  store.database.backup(`${name}-copy.db`)
  store.follow((commit) => told.push(commit))
  store.append({ t: 'start', timeMs: 1, actor: 'ta' })
  store.commit({ timeMs: 1, actor: 'ta' })
  store.database.close()
  const { position, size, root, runs = [] } = told.at(-1) ?? assert.fail('nothing was told')
  const database = port.open(`${name}-copy.db`, key)
  return { follower: new Follower(crypto, database), database, change: { position, size, root, runs } }
}

test('a commit is applied once and in its turn: REPLICA_DIVERGED, and the copy stays as it was', () => {
  const { follower, change } = commitAfterCopy()
  const before = follower.reached
  for (const position of [0, 2]) {
    assert.throws(() => follower.apply({ ...change, position }), { code: 'REPLICA_DIVERGED' })
    assert.deepEqual(follower.reached, before)
  }
  follower.apply(change)
  const { position, size, root } = change
  assert.deepEqual(follower.reached, { position, size, root })
  assert.throws(() => follower.apply(change), { code: 'REPLICA_DIVERGED' })
  follower.close()
})

test('a commit that does not make of the copy what the server has is taken back: STATE_ROLLED_BACK', () => {
  const { follower, change } = commitAfterCopy()
  const before = follower.reached
  const rolledBack = { code: 'STATE_ROLLED_BACK' }
  assert.throws(() => follower.apply({ ...change, root: new Uint8Array(32) }), rolledBack)
  const runs = change.runs.filter(({ parameters }) => parameters[0] !== 'position')
  assert.equal(runs.length, change.runs.length - 1)
  assert.throws(() => follower.apply({ ...change, runs }), rolledBack)
  assert.deepEqual(follower.reached, before)
  follower.apply(change)
  assert.equal(follower.reached.size, change.size)
  follower.close()
})

test('a commit whose log has nodes that did not come with it ends the replica: STATE_ROLLED_BACK', () => {
  const { follower, database, change } = commitAfterCopy()
  const entries = () => database.prepare('SELECT count(*) AS n FROM log_entry').get()?.['n']
  const before = entries()
  assert.throws(() => follower.apply({ ...change, size: 8 }), { code: 'STATE_ROLLED_BACK' })
  database.exec('ROLLBACK')
  assert.equal(entries(), before)
  follower.close()
})
