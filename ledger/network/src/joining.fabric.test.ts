/** Organisations that want to join a network that runs as one program: refused ones, and then one that is taken. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openOrganization } from '../../../hospital/src/organization.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { mspIdShape } from '../../../shared/protocol/src/index.ts'
import {
  createPatient,
  issueCertificate,
  patientRegistrationOf,
  registrationOf,
} from '../../../testkit/src/consortium.ts'
import { openLedger, submitCall } from '../../client/src/index.ts'
import type { Ledger, LedgerIdentity } from '../../client/src/port.ts'
import { networkStatus, type Outcome, pathsIn, readOutcome, stopNetwork } from './index.ts'

const crypto = createNodeCrypto()
const CHANNEL = 'health'
const root = mkdtempSync(join(tmpdir(), 'joining-'))
const folder = join(root, 'network')
const file = join(root, 'serve.json')
const { outcome: outcomePath } = pathsIn(folder)

interface Member {
  readonly mspId: string
  readonly name: string
}
const A: Member = { mspId: 'HospitalA', name: 'Hospital A' }
const B: Member = { mspId: 'HospitalB', name: 'Hospital B' }

let program: ChildProcess
let hospital: LedgerIdentity
let ledger: Ledger

/** In one piece: the program looks at it at any time. */
function configure(members: readonly Member[]): void {
  const organizations = members.map(({ mspId, name }) => {
    const keys = join(root, mspId)
    mkdirSync(keys, { recursive: true })
    return { mspId, name, folder: keys }
  })
  writeFileSync(`${file}.new`, JSON.stringify({ v: 1, folder, channel: CHANNEL, organizations }), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** What came of a changed configuration. */
async function asked(members: readonly Member[]): Promise<Outcome> {
  rmSync(outcomePath, { force: true })
  configure(members)
  for (;;) {
    const outcome = existsSync(outcomePath) ? readOutcome(outcomePath) : undefined
    if (outcome !== undefined) return outcome
    assert.equal(program.exitCode, null, 'the network’s program runs')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const peers = async () =>
  ((await networkStatus(folder))?.nodes ?? []).filter(({ kind, pid }) => kind === 'peer' && pid !== 0)

async function write(): Promise<void> {
  const registration = JSON.stringify(patientRegistrationOf(createPatient()))
  await submitCall(ledger, hospital, { fn: 'registerParticipant', args: [registration] })
}

before(async () => {
  configure([A, B])
  const main = join(import.meta.dirname, 'serve.ts')
  program = spawn(process.execPath, [main, '--config', file], { stdio: ['pipe', 'pipe', 'inherit'] })
  const url = await new Promise<string>((resolve, reject) => {
    program.once('exit', (code) => reject(new Error(`ended with ${code ?? 'a signal'}`)))
    program.stdout?.setEncoding('utf8').once('data', (line: string) => {
      resolve((JSON.parse(line) as { readonly url: string }).url)
    })
  })
  const mspId = mspIdShape(A.mspId, 'mspId')
  const organization = await openOrganization(join(root, A.mspId), { crypto, mspId, nowMs: Date.now })
  ledger = await openLedger(url, { crypto, channel: CHANNEL, identity: organization.admin })
  const issued = await issueCertificate(organization.authority, 'hospital')
  hospital = issued
  const registration = JSON.stringify(registrationOf(issued))
  await submitCall(ledger, organization.admin, { fn: 'registerParticipant', args: [registration] })
})

after(async () => {
  await ledger?.close()
  if (program.exitCode === null) {
    const ended = new Promise((resolve) => program.once('exit', resolve))
    program.kill('SIGTERM')
    await ended
  }
  await stopNetwork(folder)
  rmSync(root, { recursive: true, force: true })
})

const refusals: Readonly<Record<string, readonly Member[]>> = {
  'one that takes the name of a member': [A, B, { mspId: 'HospitalX', name: 'hospital a' }],
  'one that takes the place of the orderers': [A, B, { mspId: 'OrdererMSP', name: 'Orderers' }],
  'one that would come before a member': [A, { mspId: 'HospitalC', name: 'Hospital C' }, B],
  'one that comes while a member is left out': [A, { mspId: 'HospitalC', name: 'Hospital C' }],
}
for (const [what, members] of Object.entries(refusals)) {
  test(`refused: ${what}; the network goes on without it`, async () => {
    const { code, organizations } = await asked(members)
    assert.equal(code, 'NETWORK_OPTIONS_REJECTED')
    assert.deepEqual(
      organizations,
      members.map(({ mspId }) => mspId),
    )
    await write()
    assert.deepEqual((await peers()).map(({ mspId }) => mspId).toSorted(), ['HospitalA', 'HospitalB'])
  })
}

test('after refusals one that may join does, and what was refused leaves no trace', async () => {
  const c = { mspId: 'HospitalC', name: 'Hospital C' }
  const outcome = await asked([A, B, c])
  assert.deepEqual(outcome, { organizations: ['HospitalA', 'HospitalB', 'HospitalC'] })
  await write()
  assert.deepEqual((await peers()).map(({ mspId }) => mspId).toSorted(), ['HospitalA', 'HospitalB', 'HospitalC'])
})
