/** The marker of an erased record: believed with its log entry, and with nothing less (docs/protocol/04-records.md §4.7). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64url, encodeHex } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { encodeCbor, newRecordId, newRef } from '../../../shared/protocol/src/index.ts'
import { leafHash, logOrigin, signCheckpoint } from '../../../shared/tlog/src/index.ts'
import { ClientError } from './errors.ts'
import type { LedgerReader } from './ports.ts'
import type { LogPlace } from './record-answer.ts'
import { sealOf } from './seal.ts'
import { verifyErased, type VerifyErasedOptions } from './verify-erased.ts'

const crypto = createNodeCrypto()
const erasedMs = 1_800_000_000_000
const record = newRecordId(crypto, erasedMs - 1)
const patient = newRef(crypto, 'p')
const serverRef = newRef(crypto, 's')
const serverKey = crypto.generateSigningKey()
const members = { v: 1, t: 'erase', timeMs: erasedMs, actor: patient, patient, record, version: 1 }

/** A log of one entry, signed by `key`. */
function placeOf(entry: Readonly<Record<string, string | number>>, key = serverKey): LogPlace {
  const bytes = encodeCbor(entry)
  const root = leafHash(crypto, bytes)
  const checkpoint = signCheckpoint(crypto, key, { origin: logOrigin(serverRef), size: 1, root, extensions: [] })
  return { index: 0, size: 1, entry: bytes, proof: [], checkpoint }
}

/** A ledger that was shown the log of `anchored`. */
function ledgerOf(anchored: LogPlace): LedgerReader {
  const server = {
    ref: serverRef,
    kind: 'server',
    mspId: 'HospitalA',
    status: 'active',
    flagged: false,
    publicKey: encodeBase64url(serverKey.publicKey),
    certSerial: '01',
    attributes: {},
    registeredMs: 1,
    changedMs: 1,
    earlierKeys: [],
    server: {
      certificate: 'AA',
      teeKind: 'process',
      measurements: [],
      configDigest: '00'.repeat(32),
      attestationKeys: [],
    },
  }
  const checkpoint = {
    serverRef,
    epoch: 1,
    size: 1,
    root: encodeHex(leafHash(crypto, anchored.entry)),
    checkpoint: anchored.checkpoint,
    timeMs: erasedMs,
    txId: '11'.repeat(32),
  }
  return {
    isPractice: false,
    source: 'test',
    read: (queries) =>
      Promise.resolve(
        queries.map(({ fn }) => ({
          status: 200,
          result: JSON.stringify(fn === 'participant' ? server : checkpoint),
          height: 7,
          timeMs: erasedMs,
        })),
      ),
  }
}

async function check(place: LogPlace | undefined, change: Partial<VerifyErasedOptions> = {}) {
  const report = await verifyErased(record, place, {
    crypto,
    ledger: ledgerOf(place ?? placeOf(members)),
    serverRef,
    nowMs: () => erasedMs,
    patient,
    consistencyProof: () => Promise.resolve([]),
    evidence: { measurement: 'ab'.repeat(32), simulated: false } as never,
    ...change,
  })
  const { state, word } = sealOf(report, { date: String, time: String })
  return { state, word, codes: report.checks.map(({ code, result }) => code ?? result), marker: report.marker }
}

test('with the entry of its log a record is erased, at the time that the entry says', async () => {
  assert.deepEqual(await check(placeOf(members)), {
    state: 'erased',
    word: `Erased ${erasedMs}`,
    codes: ['pass', 'pass'],
    marker: { erasedMs },
  })
})

test('a server that gives no proof is not believed, and is not called a liar either', async () => {
  const { state, codes, marker } = await check(undefined)
  assert.deepEqual([state, codes, marker], ['not-fully-checked', ['CLIENT_CHECK_SKIPPED', 'pass'], {}])
})

for (const [what, entry] of Object.entries({
  'the erasure of another record': { ...members, record: newRecordId(crypto, 1) },
  'what another patient erased': { ...members, actor: newRef(crypto, 'p'), patient: newRef(crypto, 'p') },
  'what somebody else than the patient erased': { ...members, actor: newRef(crypto, 'h') },
  'an entry of another kind': { ...members, t: 'read' },
  'an entry without a time': { v: 1, t: 'erase', actor: patient, patient, record },
})) {
  test(`reject ${what} as the marker`, async () => {
    const { state, codes, marker } = await check(placeOf(entry))
    assert.deepEqual([state, codes[0], marker], ['wrong', 'LOG_PROOF_INVALID', {}])
  })
}

test('reject a marker that is not in the log, one under another signature, and one that is no map', async () => {
  const place = placeOf(members)
  const other = encodeCbor({ ...members, version: 2 })
  assert.equal((await check({ ...place, entry: other })).codes[0], 'LOG_PROOF_INVALID')
  assert.equal((await check({ ...place, size: 2 })).codes[0], 'LOG_PROOF_INVALID')
  const forged = await check(placeOf(members, crypto.generateSigningKey()), { ledger: ledgerOf(place) })
  assert.deepEqual([forged.state, forged.codes[0]], ['wrong', 'LOG_SIGNATURE_MISSING'])
  const list = encodeCbor([1])
  const root = leafHash(crypto, list)
  const checkpoint = signCheckpoint(crypto, serverKey, { origin: logOrigin(serverRef), size: 1, root, extensions: [] })
  assert.equal((await check({ ...place, entry: list, checkpoint })).codes[0], 'LOG_PROOF_INVALID')
})

test('reject the marker of a log that the ledger was not shown', async () => {
  const { state, codes } = await check(placeOf(members), { ledger: ledgerOf(placeOf({ ...members, version: 9 })) })
  assert.deepEqual([state, codes[0]], ['split-view', 'LOG_NOT_CONSISTENT'])
})

test('while the ledger does not answer nothing is said to be erased', async () => {
  const read = () => Promise.reject(new ClientError('LEDGER_UNAVAILABLE'))
  const away = await check(placeOf(members), { ledger: { isPractice: false, source: 'away', read } })
  assert.deepEqual([away.state, away.codes[0], away.marker], ['not-fully-checked', 'LEDGER_UNAVAILABLE', {}])
})

test('a server that proved nothing in this session is not believed, whatever its log says', async () => {
  const place = placeOf(members)
  const report = await verifyErased(record, place, {
    crypto,
    ledger: ledgerOf(place),
    serverRef,
    nowMs: () => erasedMs,
    consistencyProof: () => Promise.resolve([]),
  })
  assert.equal(sealOf(report, { date: String, time: String }).state, 'not-fully-checked')
})
