/**
 * The hospital service as a whole, on an embedded ledger. The record server is away throughout: what it must be told
 * waits, and nothing else depends on it.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { CommitmentStream } from '../../clients/sdk/src/commitment-stream.ts'
import { HospitalApi } from '../../clients/sdk/src/hospital-api.ts'
import type { RequestSigner } from '../../clients/sdk/src/hospital-calls.ts'
import { createKeys, signerOf } from '../../clients/sdk/src/identity.ts'
import { relayedBy, VerifyingLedgerReader } from '../../clients/sdk/src/ledger-reader.ts'
import { startEmbeddedLedger, type EmbeddedLedger } from '../../ledger/embedded/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { majorityQuorum, parseResult, participantRecordShape } from '../../shared/ledger-model/src/index.ts'
import {
  batchSigningInput,
  doctorTag,
  kidOf,
  newRecordId,
  newRef,
  type AuthorRef,
  type Commitment,
  type MspId,
} from '../../shared/protocol/src/index.ts'
import { startHospital, type RunningHospital } from './compose.ts'
import { openOrganization } from './organization.ts'
import { openServiceIdentity } from './service-identity.ts'

const crypto = createNodeCrypto()
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() }
const mspId = 'HospitalA' as MspId
const root = mkdtempSync(join(tmpdir(), 'trusthealth-hospital-'))
const folder = join(root, 'hospital')
const nodeKey = crypto.generateSigningKey()
const nodes = [{ mspId, publicKey: nodeKey.publicKey }]
const faults: unknown[] = []
let ledger: EmbeddedLedger
let hospital: RunningHospital
let staff: RequestSigner
let api: HospitalApi

async function start(): Promise<RunningHospital> {
  const running = await startHospital({
    crypto,
    clock,
    folder,
    fetch: (url, init) => fetch(url, init),
    fetchBytes: () => Promise.reject(new Error('the record server is away')),
    configuration: {
      v: 1,
      name: 'Hospital A',
      mspId,
      port: 0,
      channel: 'health',
      nodes,
      quorum: 1,
      ledgerUrl: ledger.url,
      server: { ref: newRef(crypto, 's'), url: 'http://127.0.0.1:1' },
      allowSimulated: true,
    },
    onFault: (_where, error) => faults.push(error),
  })
  api = new HospitalApi({ crypto, clock, fetch: (url, init) => fetch(url, init), url: running.url })
  return running
}

before(async () => {
  const nowMs = () => clock.nowMs()
  const organization = await openOrganization(folder, { crypto, mspId, nowMs })
  const service = await openServiceIdentity(folder, 'Hospital A', organization, crypto, nowMs)
  staff = { ref: service.ref, signer: service.identity.signer }
  ledger = await startEmbeddedLedger({
    folder: join(root, 'ledger'),
    nodeKey,
    genesis: {
      channel: 'health',
      sequence: 0,
      organizations: [{ mspId, roots: [organization.authority.root] }],
      nodes,
      quorum: majorityQuorum(nodes),
    },
    identity: organization.admin,
  })
  hospital = await start()
})

after(async () => {
  await hospital.close()
  await ledger.close()
  rmSync(root, { recursive: true, force: true })
})

async function registerPatient(name: string) {
  const keys = createKeys(crypto)
  const signer = signerOf(crypto, keys.signingKey)
  const { code } = await api.invite(staff, { kind: 'patient', name })
  const registered = await api.register(code, 'phone', signer, keys.sealKey.publicKey)
  assert.equal(registered.kind, 'patient')
  return { code, keys, signer, registered, as: { ref: registered.ref, signer } }
}

const rejected = { code: 'REQUEST_REJECTED' }

test('the service registers itself on the ledger before it takes requests', async () => {
  const result = await ledger.ledger.query({ fn: 'participant', args: [hospital.ref] })
  const record = parseResult(result, participantRecordShape)
  assert.equal(record.kind, 'hospital')
  assert.equal(record.status, 'active')
  assert.deepEqual(await api.about(), { ref: hospital.ref, name: 'Hospital A', mspId })
})

test('a start on the same folder is the same hospital, and registers nothing again', async () => {
  const { ref } = hospital
  const height = await ledger.ledger.height()
  await hospital.close()
  hospital = await start()
  assert.equal(hospital.ref, ref)
  assert.equal(await ledger.ledger.height(), height)
})

test('a patient is registered with an own key, once for a code; the record server is told later', async () => {
  const { code, keys, signer, as } = await registerPatient('Bob Li')
  await assert.rejects(api.register(code, 'phone', signer, keys.sealKey.publicKey), { code: 'INVITATION_UNKNOWN' })
  assert.equal((await api.treatmentKeys(as, as.ref as never)).length, 1)
  const { patients, waitingProvisions } = await api.status(staff)
  assert.equal(patients, 1)
  assert.equal(waitingProvisions, 1)
})

test('a key is proven: a code does not register the key of somebody else', async () => {
  const { code } = await api.invite(staff, { kind: 'patient', name: 'Emi Sato' })
  const [own, other] = [createKeys(crypto), createKeys(crypto)]
  const signer = { ...signerOf(crypto, other.signingKey), publicKey: own.signingKey.publicKey }
  await assert.rejects(api.register(code, 'phone', signer, own.sealKey.publicKey), rejected)
})

test('only who is registered may ask, and only with the registered key', async () => {
  const { as } = await registerPatient('Carla Diaz')
  const stranger = createKeys(crypto)
  const signer = signerOf(crypto, stranger.signingKey)
  await assert.rejects(api.practitioners({ ref: as.ref, signer }), rejected)
  await assert.rejects(api.practitioners({ ref: newRef(crypto, 'p'), signer }), rejected)
  await assert.rejects(api.practitioners({ ref: newRef(crypto, 'd'), signer }), rejected)
  await assert.rejects(api.practitioners({ ref: staff.ref, signer }), rejected)
  assert.equal((await fetch(`${hospital.url}/v1/patients`)).status, 401)
  assert.deepEqual(await api.practitioners(as), [])
})

test('what is for staff is refused to patients', async () => {
  const { as } = await registerPatient('Dan Okoye')
  for (const attempt of [api.patients(as), api.status(as), api.invite(as, { kind: 'patient', name: 'x' })]) {
    await assert.rejects(attempt, { code: 'TEE_FORBIDDEN' })
  }
})

test('a doctor is registered, certified, and may ask', async () => {
  const keys = createKeys(crypto)
  const signer = signerOf(crypto, keys.signingKey)
  const { code } = await api.invite(staff, { kind: 'practitioner', name: 'Alice Martin', department: 'Cardiology' })
  const registered = await api.register(code, 'desk', signer, keys.sealKey.publicKey)
  assert.equal(registered.kind, 'practitioner')
  assert.deepEqual(await api.practitioners({ ref: registered.ref, signer }), [
    { ref: registered.ref, name: 'Alice Martin', department: 'Cardiology' },
  ])
  assert.deepEqual(await api.appointments({ ref: registered.ref, signer }), [])
})

test('commitments go over a stream: in the own name, or carried by the hospital; the contract checks who signed', async (t) => {
  const doctor = async (name: string) => {
    const keys = createKeys(crypto)
    const signer = signerOf(crypto, keys.signingKey)
    const { code } = await api.invite(staff, { kind: 'practitioner', name, department: 'Cardiology' })
    const { ref } = await api.register(code, 'desk', signer, keys.sealKey.publicKey)
    return { ref: ref as AuthorRef, signer }
  }
  const [alice, hana] = [await doctor('Alice Martin'), await doctor('Hana Kim')]
  const streamOf = (as: RequestSigner) => {
    const openSocket = (url: string) => new WebSocket(url)
    const stream = new CommitmentStream({ crypto, clock, url: hospital.url, as, openSocket })
    t.after(() => stream.close())
    return stream
  }
  const commit = async (stream: CommitmentStream, author: AuthorRef, signer = alice.signer) => {
    const digest = crypto.randomBytes(32)
    const item: Commitment = {
      recordId: newRecordId(crypto, Date.now()),
      version: 1,
      patientTag: digest,
      doctorTag: doctorTag(crypto, author, digest),
      ehrHash: digest,
      warrantHash: digest,
      previous: new Uint8Array(),
    }
    return await stream.commit(author, await signer.sign(batchSigningInput(crypto, author, [item])), [item])
  }
  const [own, carried] = [streamOf(alice), streamOf(staff)]
  const places = await Promise.all([commit(own, alice.ref), commit(own, alice.ref), commit(carried, alice.ref)])
  for (const { batchId, index } of places) {
    const result = await ledger.ledger.query({ fn: 'commitment', args: [batchId, String(index)] })
    assert.equal((JSON.parse(result) as { author: string }).author, alice.ref)
  }
  await assert.rejects(commit(own, hana.ref, hana.signer), { code: 'LEDGER_FORBIDDEN' })
  await assert.rejects(commit(carried, newRef(crypto, 'd')), { code: 'LEDGER_FORBIDDEN' })
  await assert.rejects(commit(carried, hana.ref, alice.signer), { code: 'COMMIT_SIGNATURE_INVALID' })
  await assert.rejects(commit(streamOf({ ...hana, ref: alice.ref }), alice.ref), { code: 'SERVER_UNAVAILABLE' })
})

test('reads of the ledger carry the nonce of the reader and are proven by the reader', async () => {
  const { as } = await registerPatient('Eve Sato')
  const reader = new VerifyingLedgerReader(crypto, { channel: 'health', nodes, quorum: 1 }, relayedBy(api, as), 'test')
  const [answer] = await reader.read([{ fn: 'keysOf', args: [as.ref] }])
  assert.equal(answer?.status, 200)
  assert.ok(answer.result.includes(kidOf(crypto, as.signer.publicKey)))
  const other = crypto.generateSigningKey()
  const wrong = { channel: 'health', nodes: [{ mspId, publicKey: other.publicKey }], quorum: 1 }
  const disbelieving = new VerifyingLedgerReader(crypto, wrong, relayedBy(api, as), 'test')
  await assert.rejects(disbelieving.read([{ fn: 'keysOf', args: [as.ref] }]), { code: 'ENDORSEMENT_SIGNATURE' })
})

test('health and metrics need no key and name nobody', async () => {
  for (const path of ['/health/live', '/health/ready']) assert.equal((await fetch(hospital.url + path)).status, 200)
  const metrics = await (await fetch(`${hospital.url}/metrics`)).text()
  assert.match(metrics, /^trusthealth_hospital_waiting_commitments 0$/m)
  assert.doesNotMatch(metrics, /[pdh]-[0-9a-f]{32}/)
})

test('bodies of strangers take so much memory and no more; who hangs up gives it back', async () => {
  const { hostname, port } = new URL(hospital.url)
  const ask = async (): Promise<number> => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch(`${hospital.url}/v1/commitments`, { method: 'POST', headers, body: '{}' })).status
  }
  const announce = `POST /v1/commitments HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${12 * 2 ** 20}\r\n\r\n{`
  const waiting = Array.from({ length: 16 }, () =>
    connect(Number(port), hostname, function (this: Socket) {
      this.write(announce)
    }),
  )
  const until = async (status: number): Promise<void> => {
    while ((await ask()) !== status) await sleep(5)
  }
  await until(429)
  assert.equal((await fetch(`${hospital.url}/health/live`)).status, 200)
  for (const socket of waiting) socket.destroy()
  await until(400)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(faults, [])
})

test('it lives without the ledger, and is not ready', async () => {
  await ledger.close()
  assert.equal((await fetch(`${hospital.url}/health/live`)).status, 200)
  const answer = await fetch(`${hospital.url}/health/ready`)
  assert.deepEqual([answer.status, ((await answer.json()) as { code?: string }).code], [503, 'LEDGER_UNAVAILABLE'])
})
