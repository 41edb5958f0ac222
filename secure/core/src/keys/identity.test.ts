import assert from 'node:assert/strict'
import { after as atEnd, test } from 'node:test'
import {
  decodeBase64url,
  encodeBase64url,
  encodeHex,
  type Crypto,
  type SigningKey,
} from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import {
  anchorCallOf,
  checkpointRecordShape,
  logOriginOf,
  parseResult,
  participantRecordShape,
  serverNoteKeys,
  signAnchorStatement,
  signKeyHandover,
  stateKeys,
} from '../../../../shared/ledger-model/src/index.ts'
import { issueReceipt, parseReceipt, verifyReceipt } from '../../../../shared/protocol/src/index.ts'
import { openCheckpoint, signCheckpoint } from '../../../../shared/tlog/src/index.ts'
import { TaWorld, type Upload } from '../../../../testkit/src/ta-world.ts'

const worlds: TaWorld[] = []
atEnd(() => {
  for (const world of worlds) world.close()
})

async function scene(crypto?: Crypto) {
  const world = await TaWorld.open(crypto === undefined ? {} : { crypto })
  worlds.push(world)
  const doctor = await world.doctor()
  const patient = await world.patient()
  const warrant = await world.warrant(patient, [doctor])
  const session = await world.connect(doctor)
  /** In the session that was opened at first. */
  const store = async (): Promise<{
    readonly upload: Upload
    readonly receipt: string
    readonly checkpoint: string
  }> => {
    const upload = world.upload(patient, { author: doctor, warrant })
    const stored = session.request('record.store', { envelope: upload.envelope })
    await world.commit(upload)
    const { receipt, log } = await stored
    return { upload, receipt: receipt as string, checkpoint: (log as { readonly checkpoint: string }).checkpoint }
  }
  const identity = async () => encodeHex((await world.ask('status', {})).identityKey ?? new Uint8Array())
  const stored = (key: string) => world.ledger.snapshot().state.get(key) ?? ''
  const record = () => parseResult(stored(stateKeys.participant(world.serverRef)), participantRecordShape)
  return { world, doctor, patient, store, identity, stored, record }
}

/** Until the ledger was asked for the next key and what follows has settled. */
async function look(world: TaWorld): Promise<void> {
  for (let i = 0; i < 4; i++) {
    world.clock.advanceMs(250)
    world.tick()
    await world.settle()
  }
}

function keyOf(checkpoint: string, { world, keys }: { world: TaWorld; keys: ReturnType<typeof serverNoteKeys> }) {
  const origin = logOriginOf(world.serverRef)
  const { signedBy, checkpoint: opened } = openCheckpoint(world.crypto, checkpoint, origin, keys)
  return { size: opened.size, key: encodeHex(signedBy[0]?.key.publicKey ?? new Uint8Array()) }
}

test('the key is exchanged while a session stores: the ledger first, then the server; what was signed stays good', async () => {
  const { world, doctor, patient, store, identity, stored, record } = await scene()
  const before = await identity()
  const first = await store()
  const register = await world.exchangeIdentity({ isRegistered: false })
  await look(world)
  // The ledger does not have it yet.
  const second = await store()
  assert.equal(await identity(), before)
  await register()
  await look(world)
  const after = encodeHex(decodeBase64url(record().publicKey))
  assert.notEqual(after, before)
  assert.equal(await identity(), after)
  const third = await store()
  const reader = await world.connect(patient)
  const read = await reader.request('record.read', { record: first.upload.commitment.recordId })
  world.verifyLogProof(read['log'], { record: first.upload.commitment.recordId, kind: 'store' })
  await world.connect(doctor)

  await world.ask('anchor-now', {})
  await look(world)
  const keys = serverNoteKeys(world.crypto, record())
  const [{ key }, ...earlier] = keys
  const opened = [first, second, third].map(({ checkpoint }) => keyOf(checkpoint, { world, keys }))
  assert.deepEqual(
    opened.map((one) => one.key),
    [before, before, after],
  )
  for (const { receipt, upload } of [first, second, third]) {
    verifyReceipt(world.crypto, receipt, { server: world.serverRef, key, earlier, commitment: upload.commitment })
  }
  // The key before ends with what it signed: at or after its last, and before anything that the next one would sign alone.
  const [{ maxSize = -1 } = {}] = earlier
  assert.ok(maxSize >= (opened[1]?.size ?? 0) && maxSize <= (opened[2]?.size ?? 0), String(maxSize))
  const anchored = parseResult(stored(stateKeys.checkpoint(world.serverRef)), checkpointRecordShape)
  assert.equal(keyOf(anchored.checkpoint, { world, keys }).key, after)
  assert.equal(world.fatal, undefined)
})

test('a crash between any two steps leaves the one key or the other, and the exchange goes on', async () => {
  const { world, identity, record } = await scene()
  const before = await identity()
  const { identityKey } = await world.ask('next-identity', {})
  await world.restart()
  // The same one is waiting: what was certified of it is not lost.
  assert.deepEqual((await world.ask('next-identity', {})).identityKey, identityKey)
  const register = await world.exchangeIdentity({ isRegistered: false })
  await world.restart()
  await look(world)
  assert.equal(await identity(), before)
  world.kill()
  await register()
  await world.restart()
  await look(world)
  const after = encodeHex(identityKey)
  assert.equal(encodeHex(decodeBase64url(record().publicKey)), after)
  assert.equal(await identity(), after)
  await world.restart()
  assert.equal(await identity(), after)
  assert.notDeepEqual((await world.ask('next-identity', {})).identityKey, identityKey)
  assert.equal(world.fatal, undefined)
})

test('refused: a certificate of no next key, of another key, and what an administrator registers without the server', async () => {
  const { world, identity } = await scene()
  const before = await identity()
  const { authority, admin } = world.organizations[0]
  const issue = async (publicKey: Uint8Array) =>
    (await authority.issue({ role: 'server', ref: world.serverRef, publicKey })).chain[0]
  const other = world.crypto.generateSigningKey().publicKey
  await assert.rejects(world.ask('take-identity', { cert: await issue(other) }), { code: 'KEY_UNKNOWN' })
  await world.ask('next-identity', {})
  await assert.rejects(world.ask('take-identity', { cert: await issue(other) }), { code: 'CREDENTIAL_REJECTED' })
  const { chain, serialHex } = await authority.issue({ role: 'server', ref: world.serverRef, publicKey: other })
  const { server } = world.registered as { readonly server: { readonly certificate: string } }
  const named = {
    ...(world.registered as object),
    publicKey: encodeBase64url(other),
    certSerial: serialHex,
    server: { ...server, certificate: encodeBase64url(chain[0]) },
  }
  await assert.rejects(world.ledger.submit(admin, 'renewParticipant', [JSON.stringify(named)]), {
    code: 'KEY_HANDOVER_INVALID',
  })
  await look(world)
  assert.equal(await identity(), before)
})

test('an identity key that was exchanged is not put back into the store: STATE_ROLLED_BACK', async () => {
  const { world } = await scene()
  const row = () =>
    world.inspect((database) => database.prepare(`SELECT value FROM meta WHERE name = 'identity'`).get())
  const old = row()
  await world.exchangeIdentity()
  await look(world)
  assert.notDeepEqual(row(), old)
  world.inspect((database) => {
    assert.deepEqual(database.prepare(`SELECT name FROM meta WHERE name LIKE 'identity-%'`).all(), [])
    database.prepare(`UPDATE meta SET value = ? WHERE name = 'identity'`).run(old?.['value'] as Uint8Array)
  })
  await world.restart()
  assert.equal(world.fatal, 'STATE_ROLLED_BACK')
})

test('a store without its identity key is not served: STORE_DAMAGED', async () => {
  const { world } = await scene()
  world.inspect((database) => database.exec(`DELETE FROM meta WHERE name = 'identity'`))
  await world.restart()
  assert.deepEqual([world.fatal, world.app.state], ['STORE_DAMAGED', 'stopped'])
})

/** Remembers every signing key that is made: whoever has read the memory of the server. */
function overheard(): { readonly crypto: Crypto; readonly keys: SigningKey[] } {
  const crypto = createNodeCrypto()
  const keys: SigningKey[] = []
  const generateSigningKey = (): SigningKey => {
    const key = crypto.generateSigningKey()
    keys.push(key)
    return key
  }
  return { crypto: { ...crypto, generateSigningKey }, keys }
}

test('whoever has the key before signs nothing newer with it: no checkpoint, receipt, anchor or further key', async () => {
  const { crypto, keys } = overheard()
  const { world, store, identity, stored, record } = await scene(crypto)
  const before = await identity()
  const stolen = keys.find(({ publicKey }) => encodeHex(publicKey) === before)
  assert.ok(stolen)
  await store()
  await world.exchangeIdentity()
  await look(world)
  const { receipt: good, upload } = await store()
  await world.ask('anchor-now', {})
  await look(world)

  const origin = logOriginOf(world.serverRef)
  const noteKeys = serverNoteKeys(crypto, record())
  const [{ key }, ...earlier] = noteKeys
  const [{ maxSize = 0 } = {}] = earlier
  const anchored = parseResult(stored(stateKeys.checkpoint(world.serverRef)), checkpointRecordShape)
  const forged = (size: number) =>
    signCheckpoint(crypto, stolen, { origin, size, root: crypto.randomBytes(32), extensions: [] })
  assert.throws(() => openCheckpoint(crypto, forged(maxSize + 1), origin, noteKeys), { code: 'LOG_KEY_ENDED' })

  const { payload } = parseReceipt(good)
  assert.ok(payload.logSize > maxSize)
  const check = { server: world.serverRef, key, earlier, commitment: upload.commitment }
  verifyReceipt(crypto, good, check)
  assert.throws(() => verifyReceipt(crypto, issueReceipt(crypto, stolen, payload), check), { code: 'RECEIPT_INVALID' })

  const statement = { serverRef: world.serverRef, epoch: anchored.epoch + 1, checkpoint: forged(anchored.size + 1) }
  const { fn, args } = anchorCallOf(statement, signAnchorStatement(crypto, stolen, statement))
  await assert.rejects(world.ledger.submit(world.hospital, fn, args), { code: 'CHECKPOINT_INVALID' })

  const { authority, admin } = world.organizations[0]
  const next = crypto.generateSigningKey().publicKey
  const { chain, serialHex } = await authority.issue({ role: 'server', ref: world.serverRef, publicKey: next })
  const handover = signKeyHandover(crypto, stolen, { serverRef: world.serverRef, next })
  const registered = world.registered as { readonly server: object }
  const registration = {
    ...registered,
    publicKey: encodeBase64url(next),
    certSerial: serialHex,
    server: { ...registered.server, certificate: encodeBase64url(chain[0]), handover: encodeBase64url(handover) },
  }
  await assert.rejects(world.ledger.submit(admin, 'renewParticipant', [JSON.stringify(registration)]), {
    code: 'KEY_HANDOVER_INVALID',
  })
})
