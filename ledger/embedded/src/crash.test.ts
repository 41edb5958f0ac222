/**
 * A ledger process is killed under load, again and again: what it acknowledged is there, blocks are whole, the chain
 * verifies, and what was under way can be sent again and counts once.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { encodeConfiguration, LedgerError, type SignedProposal } from '../../../shared/ledger-model/src/index.ts'
import { newId, newRef } from '../../../shared/protocol/src/index.ts'
import {
  createConsortium,
  createPatient,
  patientRegistrationOf,
  registrationOf,
  type TestOrganization,
} from '../../../testkit/src/consortium.ts'
import { makeFolder } from '../../../testkit/src/embedded-ledger.ts'
import { commitGroup, groupsText } from '../../../testkit/src/suites/ledger-world.ts'
import {
  type CommitStatus,
  createEmbeddedLedgerClient,
  type Ledger,
  type LedgerCall,
  submitCall,
} from '../../client/src/index.ts'
import { verifyLedger } from './index.ts'

const ROUNDS = process.env['TRUSTHEALTH_LONG'] === '1' ? 100 : 10
const WRITERS = 16
const PROGRAM = fileURLToPath(new URL('main.ts', import.meta.url))

const crypto = createNodeCrypto()
const { folder, remove } = makeFolder()
const children = new Set<ChildProcess>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
  remove()
})

async function startProcess(keyFile: string, genesisFile: string): Promise<{ child: ChildProcess; url: string }> {
  const args = [PROGRAM, join(folder, 'ledger'), '--node-key', keyFile, '--genesis', genesisFile]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  for await (const line of createInterface({ input: child.stdout })) {
    return { child, url: (JSON.parse(line) as { url: string }).url }
  }
  throw new Error('the ledger did not start')
}

async function killed(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const end = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await end
  children.delete(child)
}

test(`nothing that was acknowledged is lost in ${ROUNDS} kills under load`, async (t) => {
  const consortium = await createConsortium()
  const { genesis, nodeKey, organizations, channel } = consortium
  const [a] = organizations as [TestOrganization]
  const keyFile = join(folder, 'node-key')
  const genesisFile = join(folder, 'genesis')
  writeFileSync(keyFile, encodeHex(crypto.exportSigningKey(nodeKey)))
  writeFileSync(genesisFile, encodeConfiguration(genesis))

  const connect = (url: string) =>
    createEmbeddedLedgerClient(url, { crypto, channel, identity: a.admin, attemptMs: 5_000 })
  const newCall = (i: number): LedgerCall =>
    i % 3 === 0
      ? { fn: 'commit', args: [newId(crypto, 'b'), groupsText(commitGroup(a.hospital, newRef(crypto, 'p'), 10))] }
      : { fn: 'registerParticipant', args: [JSON.stringify(patientRegistrationOf(createPatient()))] }

  const acknowledged = new Map<string, CommitStatus>()
  let unsettled: SignedProposal[] = []
  let resubmitted = 0
  let blocks = 0

  /** Writes until the process is gone. */
  async function write(ledger: Ledger, stop: AbortSignal): Promise<void> {
    for (let i = 0; !stop.aborted; i++) {
      const signed = await ledger.prepare(a.hospital, newCall(i))
      try {
        const status = await ledger.submit(signed)
        acknowledged.set(status.txId, status)
      } catch (error) {
        assert.ok(error instanceof LedgerError && error.code === 'LEDGER_UNAVAILABLE', String(error))
        unsettled.push(signed)
      }
    }
  }

  for (let round = 0; round < ROUNDS; round++) {
    const { child, url } = await startProcess(keyFile, genesisFile)
    const ledger = connect(url)
    if (round === 0) {
      const args = [JSON.stringify(registrationOf(a.hospital))]
      await submitCall(ledger, a.admin, { fn: 'registerParticipant', args })
    }
    for (const status of acknowledged.values()) {
      const found = await ledger.transaction(status.txId)
      assert.ok(found !== undefined, 'an acknowledged transaction is gone')
      assert.deepEqual([found.block, found.index, found.result], [status.block, status.index, status.result])
    }
    for (const signed of unsettled) {
      const first = await ledger.submit(signed)
      assert.deepEqual(await ledger.submit(signed), first)
      acknowledged.set(first.txId, first)
      resubmitted++
    }
    unsettled = []
    const stop = new AbortController()
    const writers = Array.from({ length: WRITERS }, () => write(ledger, stop.signal))
    const killAfterMs = randomInt(20, 250)
    await sleep(killAfterMs)
    stop.abort()
    await killed(child, 'SIGKILL')
    await ledger.close()
    await Promise.all(writers)
    const report = await verifyLedger(join(folder, 'ledger'), { crypto, genesis })
    assert.ok(report.blocks >= blocks)
    blocks = report.blocks
  }

  const { child, url } = await startProcess(keyFile, genesisFile)
  const ledger = connect(url)
  for (const signed of unsettled) acknowledged.set((await ledger.submit(signed)).txId, await ledger.submit(signed))
  await ledger.close()
  await killed(child, 'SIGTERM')
  assert.equal(child.exitCode, 0)
  const report = await verifyLedger(join(folder, 'ledger'), { crypto, genesis, replay: true })
  // Everything that was ever sent stands there once, and nothing else does.
  assert.equal(report.transactions, acknowledged.size + 1)
  assert.ok(acknowledged.size > ROUNDS)
  t.diagnostic(`${acknowledged.size} transactions in ${report.blocks} blocks, ${resubmitted} sent again after a kill`)
})
