import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64url, encodeHex, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  commitmentToJson,
  deriveTreatmentKey,
  encodeCbor,
  issueWarrant,
  kidOf,
  makeCommitment,
  newId,
  newRecordId,
  newRef,
  signCommitments,
  warrantHash,
} from '../../../shared/protocol/src/index.ts'
import { leafHash, logOrigin, signCheckpoint } from '../../../shared/tlog/src/index.ts'
import { ClientError } from './errors.ts'
import type { LedgerAnswer, LedgerQuery, LedgerReader } from './ports.ts'
import type { RecordAnswer } from './record-answer.ts'
import { formatRecordFile, parseRecordFile } from './record-file.ts'
import { CHECK_IDS, sealOf } from './seal.ts'
import { verifyRecord, type VerifyOptions } from './verify-record.ts'

const crypto = createNodeCrypto()
const nowMs = 1_800_000_000_000
const clock = { date: String, time: String }

/** One record of one patient, honest in every part; tests change one part each. */
function honestWorld() {
  const patientKey = crypto.generateSigningKey()
  const doctorKey = crypto.generateSigningKey()
  const serverKey = crypto.generateSigningKey()
  const patient = newRef(crypto, 'p')
  const author = newRef(crypto, 'd')
  const hospital = newRef(crypto, 'h')
  const serverRef = newRef(crypto, 's')
  const terms = { doctors: [author], hospital, nbf: nowMs / 1000 - 60, exp: nowMs / 1000 + 60 }
  const jti = newId(crypto, 'w')
  const warrant = issueWarrant(crypto, patientKey, { jti, iss: patient, ...terms, scope: ['*'], aux: '' })
  const ehr = encodeUtf8('{"resourceType":"Observation","status":"final"}')
  const salt = crypto.randomBytes(32)
  const treatmentKey = deriveTreatmentKey(crypto, crypto.randomBytes(32), 1)
  const commitment = makeCommitment(crypto, treatmentKey, {
    recordId: newRecordId(crypto, nowMs),
    version: 1,
    patient,
    author,
    salt,
    ehr,
    warrantHash: warrantHash(crypto, warrant),
    previous: new Uint8Array(),
  })
  const batchId = newId(crypto, 'b')
  const txId = '11'.repeat(32)
  const entry = encodeCbor({
    v: 1,
    t: 'store',
    timeMs: nowMs,
    actor: author,
    record: commitment.recordId,
    version: 1,
    digest: commitment.ehrHash,
  })
  const origin = logOrigin(serverRef)
  const checkpoint = signCheckpoint(crypto, serverKey, {
    origin,
    size: 1,
    root: leafHash(crypto, entry),
    extensions: [],
  })
  const participant = (ref: string, kind: string, publicKey: Uint8Array, more: object) => ({
    ref,
    kind,
    mspId: 'HospitalA',
    status: 'active',
    flagged: false,
    publicKey: encodeBase64url(publicKey),
    certSerial: '01',
    attributes: {},
    registeredMs: 1,
    changedMs: 1,
    earlierKeys: [],
    ...more,
  })
  const state: Record<string, unknown> = {
    [`batch ${batchId}`]: {
      batchId,
      by: hospital,
      count: 1,
      groups: [
        {
          author,
          signature: encodeBase64url(signCommitments(crypto, doctorKey, author, [commitment])),
          items: [commitmentToJson(commitment)],
        },
      ],
      timeMs: nowMs,
      txId,
    },
    [`participant ${author}`]: participant(author, 'doctor', doctorKey.publicKey, {
      sealKey: encodeBase64url(crypto.generateAgreementKey().publicKey),
    }),
    [`participant ${serverRef}`]: participant(serverRef, 'server', serverKey.publicKey, {
      server: {
        certificate: 'AA',
        teeKind: 'process',
        measurements: [],
        configDigest: '00'.repeat(32),
        attestationKeys: [],
      },
    }),
    [`keysOf ${patient}`]: {
      patientRef: patient,
      keys: [
        {
          kid: kidOf(crypto, patientKey.publicKey),
          publicKey: encodeBase64url(patientKey.publicKey),
          sealKey: encodeBase64url(crypto.generateAgreementKey().publicKey),
          label: 'Phone',
          kind: 'device',
          addedMs: 1,
          removedMs: null,
          by: { how: 'registration', ref: hospital },
        },
      ],
    },
    [`warrant ${jti}`]: {
      jti,
      warrantHash: encodeHex(commitment.warrantHash),
      doctors: [author],
      hospital,
      nbfMs: terms.nbf * 1000,
      expMs: terms.exp * 1000,
      revokedMs: null,
      patientRef: patient,
      recordedMs: nowMs,
      txId,
    },
    [`checkpoint ${serverRef}`]: {
      serverRef,
      epoch: 1,
      size: 1,
      root: encodeHex(leafHash(crypto, entry)),
      checkpoint,
      timeMs: nowMs,
      txId,
    },
  }
  const answer: RecordAnswer = {
    recordId: commitment.recordId,
    version: 1,
    latestVersion: 1,
    author,
    ehr,
    salt,
    warrant,
    commitment: { ...commitment, batchId, index: 0, txId: txId as never, block: 7 },
    log: { index: 0, size: 1, entry, proof: [], checkpoint },
    accessIndex: 1,
  }
  return { answer, state, commitment, patient, author, doctorKey, serverKey, serverRef, batchId, jti }
}
type World = ReturnType<typeof honestWorld>

function ledgerOf(state: Record<string, unknown>, isPractice = false): LedgerReader {
  const one = ({ fn, args }: LedgerQuery): LedgerAnswer => {
    const value = fn === 'commitments' ? state['commitments'] : state[`${fn} ${args[0]}`]
    const status = value === undefined ? 'BATCH_NOT_FOUND' : 200
    return { status, result: value === undefined ? '' : JSON.stringify(value), height: 7, timeMs: nowMs }
  }
  return { isPractice, source: 'test', read: (queries) => Promise.resolve(queries.map(one)) }
}

async function check(world: World, answer = world.answer, change: Partial<VerifyOptions> = {}) {
  const report = await verifyRecord(answer, {
    crypto,
    ledger: ledgerOf(world.state),
    nowMs: () => nowMs,
    serverRef: world.serverRef,
    findVersions: () => Promise.resolve([]),
    consistencyProof: () => Promise.resolve([]),
    evidence: { measurement: 'ab'.repeat(32), simulated: false } as never,
    patient: world.patient,
    ...change,
  })
  const results = Object.fromEntries(report.checks.map(({ id, result, code }) => [id, code ?? result]))
  return { report, results, seal: sealOf(report, clock) }
}

test('an honest record passes all seven checks and is verified unchanged', async () => {
  const { results, seal } = await check(honestWorld())
  assert.deepEqual(results, Object.fromEntries(CHECK_IDS.map((id) => [id, 'pass'])))
  assert.equal(seal.word, 'Verified unchanged')
})

test('on a ledger of one node the same record is practice, never green', async () => {
  const world = honestWorld()
  const { seal } = await check(world, world.answer, { ledger: ledgerOf(world.state, true) })
  assert.deepEqual([seal.word, seal.tone], ['Verified unchanged (practice)', 'practice'])
})

test('a changed text fails, and nothing else is shown', async () => {
  const world = honestWorld()
  const { report, seal } = await check(world, { ...world.answer, ehr: encodeUtf8('{"resourceType":"Patient"}') })
  assert.deepEqual(
    report.checks.map(({ id, code }) => [id, code]),
    [['text', 'RECORD_HASH_MISMATCH']],
  )
  assert.equal(seal.line, 'The text does not match what was signed.')
})

test('a server that makes up text and commitment together is found by the ledger', async () => {
  const world = honestWorld()
  const other = honestWorld()
  const forged = { ...other.answer, commitment: { ...other.answer.commitment, batchId: world.batchId } }
  const { results, seal } = await check(world, forged)
  assert.equal(results['ledger'], 'COMMITMENT_MISMATCH')
  assert.equal(seal.state, 'wrong')
})

test('a batch that another doctor signed fails the signature', async () => {
  const world = honestWorld()
  const batch = world.state[`batch ${world.batchId}`] as { groups: { signature: string }[] }
  const other = crypto.generateSigningKey()
  batch.groups[0]!.signature = encodeBase64url(signCommitments(crypto, other, world.author, [world.commitment]))
  assert.equal((await check(world)).results['signature'], 'COMMIT_SIGNATURE_INVALID')
})

test('a record of another patient fails the permission', async () => {
  const world = honestWorld()
  const { results } = await check(world, world.answer, { patient: newRef(crypto, 'p') })
  assert.equal(results['permission'], 'WARRANT_PARTY_MISMATCH')
})

test('a permission that was taken back before the record was signed fails', async () => {
  const world = honestWorld()
  const recorded = world.state[`warrant ${world.jti}`] as { revokedMs: number | null }
  recorded.revokedMs = nowMs - 1
  assert.equal((await check(world)).results['permission'], 'WARRANT_REVOKED')
})

test('a log entry of another record fails the log', async () => {
  const world = honestWorld()
  const { results } = await check(world, { ...world.answer, log: honestWorld().answer.log })
  assert.equal(results['log'], 'LOG_SIGNATURE_MISSING')
})

test('a server that signed another log for the ledger than for the reader is a split view', async () => {
  const world = honestWorld()
  const root = crypto.randomBytes(32)
  const origin = logOrigin(world.serverRef)
  const key = `checkpoint ${world.serverRef}`
  world.state[key] = {
    ...(world.state[key] as object),
    root: encodeHex(root),
    checkpoint: signCheckpoint(crypto, world.serverKey, { origin, size: 1, root, extensions: [] }),
  }
  const { results, seal } = await check(world)
  assert.equal(results['log'], 'LOG_NOT_CONSISTENT')
  assert.deepEqual([seal.state, seal.tone, seal.line], ['split-view', 'bad', 'Hospitals were shown different logs.'])
})

/** The ledger has version 2, taken a day later. */
function correctedWorld() {
  const world = honestWorld()
  const newer = { ...commitmentToJson(world.commitment), version: 2, previous: encodeHex(world.commitment.ehrHash) }
  const { author, batchId } = world
  const correctedMs = nowMs + 86_400_000
  world.state['commitments'] = [{ ...newer, author, batchId, index: 0, txId: '22'.repeat(32), timeMs: correctedMs }]
  const findVersions: VerifyOptions['findVersions'] = () => Promise.resolve([{ version: 2, batchId, index: 0 }])
  return { world, correctedMs, findVersions }
}

test('a newer version that was not offered is an old copy, and from when it is', async () => {
  const { world, correctedMs, findVersions } = correctedWorld()
  const { seal, report } = await check(world, world.answer, { findVersions })
  assert.deepEqual([seal.state, report.newerMs], ['old-copy', correctedMs])
  assert.equal(seal.line, `A newer version from ${correctedMs} exists and was not given to you.`)
})

test('a version that was replaced says when, by the ledger; where that cannot be found the check did not run', async () => {
  const { world, correctedMs, findVersions } = correctedWorld()
  const answer = { ...world.answer, latestVersion: 2 }
  const { seal, report } = await check(world, answer, { findVersions })
  assert.deepEqual([seal.state, report.replacedMs], ['replaced', correctedMs])
  const unknown = await check(world, answer, { findVersions: () => Promise.resolve([]) })
  assert.deepEqual([unknown.results['newest'], unknown.seal.state], ['CLIENT_CHECK_SKIPPED', 'not-fully-checked'])
})

test('a ledger that is away makes skips, never passes', async () => {
  const world = honestWorld()
  const away: LedgerReader = {
    isPractice: false,
    source: 'away',
    read: () => Promise.reject(new ClientError('LEDGER_UNAVAILABLE')),
  }
  const { results, seal } = await check(world, world.answer, { ledger: away })
  assert.equal(results['text'], 'pass')
  assert.equal(results['ledger'], 'LEDGER_UNAVAILABLE')
  assert.equal(seal.state, 'not-fully-checked')
})

test('a record file gives back the same answer, and other files are refused', () => {
  const { answer, serverRef } = honestWorld()
  const file = formatRecordFile({ serverRef, answer })
  assert.deepEqual(parseRecordFile(file), { serverRef, answer })
  for (const wrong of ['', '{}', file.replace('record/1', 'record/2'), file.slice(0, -10)]) {
    assert.throws(() => parseRecordFile(wrong), { code: 'MESSAGE_MALFORMED' })
  }
})
