import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { newRef, type MspId } from '../../../shared/protocol/src/index.ts'
import { createKeys, signerOf, type Identity } from '../../sdk/src/identity.ts'
import { actingIdentity, findIdentity, keepIdentity, listIdentityNames } from './identities.ts'
import { Parties } from './parties.ts'
import { stateFolderAt } from './state-folder.ts'

const crypto = createNodeCrypto()
const folders: string[] = []
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

function newState() {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-identities-'))
  folders.push(folder)
  return stateFolderAt(folder)
}

function keep(state: ReturnType<typeof newState>, name: string): string {
  const keys = createKeys(crypto)
  const identity: Identity = {
    kind: 'patient',
    ref: newRef(crypto, 'p'),
    mspId: 'HospitalA' as MspId,
    signer: signerOf(crypto, keys.signingKey),
    sealKey: keys.sealKey,
    credential: { kind: 'patient', jws: 'a.b.c' },
  }
  return keepIdentity(state, crypto, keys, { identity, name })
}

test('keys are kept for their owner only, under names that nobody else has', () => {
  const state = newState()
  assert.equal(keep(state, 'Bob Li'), 'bob-li')
  assert.equal(keep(state, 'Bob Li'), 'bob-li-2')
  assert.equal(keep(state, '李波'), 'patient')
  assert.equal(statSync(join(state.identities, 'bob-li.json')).mode & 0o777, 0o600)
  assert.deepEqual(listIdentityNames(state), ['bob-li', 'bob-li-2', 'patient'])
})

test('a key that others could read is closed to them before it is used', () => {
  const state = newState()
  const path = join(state.identities, `${keep(state, 'Bob')}.json`)
  chmodSync(path, 0o644)
  assert.equal(findIdentity(state, crypto, 'bob').name, 'Bob')
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a name may be shortened while it fits one key', () => {
  const state = newState()
  keep(state, 'Bob Li')
  keep(state, 'Alice Martin')
  assert.equal(findIdentity(state, crypto, 'ali').name, 'Alice Martin')
  keep(state, 'Alice Chen')
  assert.throws(() => findIdentity(state, crypto, 'alice'), { code: 'CLIENT_NO_IDENTITY' })
  assert.throws(() => findIdentity(state, crypto, 'nobody'), { code: 'CLIENT_NO_IDENTITY' })
})

test('who acts: the flag, the environment, the only key; never a guess among several', () => {
  const state = newState()
  assert.throws(() => actingIdentity(state, crypto, undefined, {}), { code: 'CLIENT_NO_IDENTITY' })
  keep(state, 'Bob')
  assert.equal(actingIdentity(state, crypto, undefined, {}).name, 'Bob')
  keep(state, 'Alice')
  assert.throws(() => actingIdentity(state, crypto, undefined, {}), { code: 'CLIENT_NO_IDENTITY' })
  assert.equal(actingIdentity(state, crypto, undefined, { TRUSTHEALTH_AS: 'alice' }).name, 'Alice')
  assert.equal(actingIdentity(state, crypto, 'bob', { TRUSTHEALTH_AS: 'alice' }).name, 'Bob')
})

test('a damaged key file is refused', () => {
  const state = newState()
  const path = join(state.identities, `${keep(state, 'Bob')}.json`)
  writeFileSync(path, '{"v":1')
  assert.throws(() => findIdentity(state, crypto, 'bob'), { code: 'CLIENT_NO_IDENTITY' })
})

const ALICE = newRef(crypto, 'd')
const OMAR = newRef(crypto, 'd')
const BOB = newRef(crypto, 'p')

function parties(fetched: () => void = () => undefined): Parties {
  const known = [
    { ref: ALICE, name: 'Alice Martin' },
    { ref: BOB, name: 'Bob Li' },
  ]
  return new Parties(known, () => {
    fetched()
    return Promise.resolve([{ ref: OMAR, name: 'Omar Haddad' }])
  })
}

test('people are found by name, by a word of it, and by their id; the directory is asked only when needed', async () => {
  let asked = 0
  const book = parties(() => asked++)
  assert.equal(await book.find('alice', ['d']), ALICE)
  assert.equal(await book.find('martin', ['d']), ALICE)
  assert.equal(await book.find(BOB, ['p']), BOB)
  assert.equal(await book.find(BOB.slice(2, 10), ['p']), BOB)
  assert.equal(asked, 0)
  assert.equal(await book.find('omar', ['d']), OMAR)
  assert.equal(asked, 1)
})

test('nobody of another kind is meant, and nobody is guessed', async () => {
  await assert.rejects(parties().find('bob', ['d', 'h']), { code: 'CLIENT_USAGE' })
  await assert.rejects(parties().find(BOB, ['d']), { code: 'CLIENT_USAGE' })
  const twins = new Parties(
    [
      { ref: newRef(crypto, 'p'), name: 'Bob Li' },
      { ref: newRef(crypto, 'p'), name: 'Bob Li' },
    ],
    () => Promise.resolve([]),
  )
  await assert.rejects(twins.find('bob', ['p']), { code: 'CLIENT_USAGE' })
})

test('names are shown with their title; who is unknown stays a reference', () => {
  assert.equal(parties().nameOf(ALICE), 'Dr Alice Martin')
  assert.equal(parties().nameOf(BOB), 'Bob Li')
  assert.match(parties().nameOf(OMAR), /^d-[0-9a-f]{8}$/)
})
