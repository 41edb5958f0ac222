/** The hospital's program is killed while records come in: each one that was taken is there, once. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { HospitalApi } from '../../../clients/sdk/src/hospital-api.ts'
import type { RequestSigner } from '../../../clients/sdk/src/hospital-calls.ts'
import { createKeys, signerOf } from '../../../clients/sdk/src/identity.ts'
import { prepareRecord } from '../../../clients/sdk/src/author.ts'
import { startEmbeddedLedger, type EmbeddedLedger } from '../../../ledger/embedded/src/index.ts'
import { encodeBase64url, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { majorityQuorum } from '../../../shared/ledger-model/src/index.ts'
import {
  batchSigningInput,
  deriveTreatmentKey,
  newRef,
  openTreatmentKey,
  type AuthorRef,
  type MspId,
  type PatientRef,
} from '../../../shared/protocol/src/index.ts'
import { openOrganization } from '../organization.ts'
import { openServiceIdentity } from '../service-identity.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const ROUNDS = 4
const crypto = createNodeCrypto()
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() }
const mspId = 'HospitalA' as MspId
const root = mkdtempSync(join(tmpdir(), 'trusthealth-outbox-'))
const folder = join(root, 'hospital')
const nodeKey = crypto.generateSigningKey()
const nodes = [{ mspId, publicKey: nodeKey.publicKey }]
let ledger: EmbeddedLedger
let staff: RequestSigner
let child: ChildProcess | undefined

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
  const configuration = {
    v: 1,
    name: 'Hospital A',
    mspId,
    port: 0,
    channel: 'health',
    nodes: [{ mspId, publicKey: encodeBase64url(nodeKey.publicKey) }],
    quorum: 1,
    ledgerUrl: ledger.url,
    // Nobody listens there.
    server: { ref: newRef(crypto, 's'), url: 'http://127.0.0.1:1' },
    allowSimulated: true,
  }
  writeFileSync(join(folder, 'hospital.json'), JSON.stringify(configuration), { mode: 0o600 })
})

after(async () => {
  await end('SIGTERM')
  await ledger.close()
  rmSync(root, { recursive: true, force: true })
})

async function start(): Promise<HospitalApi> {
  const started = spawn(process.execPath, [MAIN, '--folder', folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  child = started
  for await (const line of createInterface({ input: started.stdout })) {
    const { url } = JSON.parse(line) as { url: string }
    return new HospitalApi({ crypto, clock, fetch: (address, init) => fetch(address, init), url })
  }
  throw new Error('the program ended')
}

async function end(signal: NodeJS.Signals): Promise<void> {
  const ending = child
  if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
  const ended = new Promise((resolve) => ending.once('exit', resolve))
  ending.kill(signal)
  await ended
}

test('what was taken before a kill is there after it, once; what was not answered can be sent again', async () => {
  let api = await start()
  const [doctorKeys, patientKeys] = [createKeys(crypto), createKeys(crypto)]
  const signer = signerOf(crypto, doctorKeys.signingKey)
  const invited = await api.invite(staff, { kind: 'practitioner', name: 'Alice Martin', department: 'General' })
  const { ref } = await api.register(invited.code, 'desk', signer, doctorKeys.sealKey.publicKey)
  const code = (await api.invite(staff, { kind: 'patient', name: 'Bob Li' })).code
  const bob = await api.register(code, 'phone', signerOf(crypto, patientKeys.signingKey), patientKeys.sealKey.publicKey)
  const patient = bob.ref as PatientRef
  const author = ref as AuthorRef
  const as = { ref: author, signer }
  await api.assign(staff, { patient, department: 'General', fromMs: 0, symptoms: '', aux: '', doctors: [] })
  const [sealed] = await api.treatmentKeys(as, patient)
  assert.ok(sealed)
  const ptk = openTreatmentKey(crypto, doctorKeys.sealKey, sealed.sealed, patient, 1, author)
  const key = deriveTreatmentKey(crypto, ptk, 1)

  const taken = new Set<string>()
  const sent = new Map<string, () => Promise<unknown>>()
  for (let round = 0; round < ROUNDS; round++) {
    let isKilled = false
    const write = async (i: number) => {
      const ehr = encodeUtf8(
        JSON.stringify({ resourceType: 'Observation', status: 'final', id: `canary-${round}-${i}` }),
      )
      const one = prepareRecord(crypto, key, author, { patient, ehr, warrant: 'w' }, clock.nowMs())
      const signature = await signer.sign(batchSigningInput(crypto, author, [one.commitment]))
      const keep = () => api.keep(as, signature, one.commitment, one.envelope)
      sent.set(one.recordId, keep)
      const entry = await keep().catch((error: { code?: string }) => {
        assert.ok(isKilled, error.code)
        return undefined
      })
      if (entry !== undefined) taken.add(one.recordId)
    }
    const writes = Array.from({ length: 12 }, (_, i) => write(i))
    // Ended in the middle: some were answered, some were not.
    await Promise.race(writes.slice(0, 1 + 3 * round))
    isKilled = true
    await end('SIGKILL')
    await Promise.all(writes)
    api = await start()
    const there = (await api.outbox(as)).map(({ record }) => record as string)
    assert.equal(new Set(there).size, there.length)
    for (const record of taken) assert.ok(there.includes(record), `${record} is lost`)
  }
  for (const keep of sent.values()) await keep()
  const entries = await api.outbox(as)
  assert.equal(entries.length, sent.size)
  assert.equal(sent.size, ROUNDS * 12)
  await end('SIGTERM')
  const bytes = ['registry.db', 'registry.db-wal'].map((name) => {
    try {
      return readFileSync(join(folder, 'store', name)).includes('canary-')
    } catch {
      return false
    }
  })
  assert.deepEqual(bytes, [false, false])
})
