import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { createSqlCipherPort } from '../../../adapters/sqlcipher/src/index.ts'
import { MIGRATIONS } from '../schema.ts'
import { Store } from '../store.ts'
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
