/** The disk takes no more: writes are refused until a restart, reads go on, nothing that was acknowledged is lost. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { encodeConfiguration } from '../../../shared/ledger-model/src/index.ts'
import { newId, newRef } from '../../../shared/protocol/src/index.ts'
import { createConsortium, registrationOf, type TestOrganization } from '../../../testkit/src/consortium.ts'
import { makeFolder } from '../../../testkit/src/embedded-ledger.ts'
import { commitGroup, groupsText } from '../../../testkit/src/suites/ledger-world.ts'
import { type CommitStatus, createEmbeddedLedgerClient, submitCall } from '../../client/src/index.ts'
import { verifyLedger } from './index.ts'

const crypto = createNodeCrypto()
const PROGRAM = fileURLToPath(new URL('main.ts', import.meta.url))
/** No file of the process may grow beyond this; the signal that would kill it is ignored, so that writes fail. */
const LIMIT_KIB = 1_024

const noShell = process.platform === 'win32'

test('a full disk refuses writes and keeps what was acknowledged', { skip: noShell }, async () => {
  const { folder, remove } = makeFolder()
  const { genesis, nodeKey, organizations, channel } = await createConsortium()
  const [a] = organizations as [TestOrganization]
  writeFileSync(join(folder, 'node-key'), encodeHex(crypto.exportSigningKey(nodeKey)))
  writeFileSync(join(folder, 'genesis'), encodeConfiguration(genesis))
  const command = `trap '' XFSZ; ulimit -f ${LIMIT_KIB * 2}; exec "$0" "$@"`
  const args = [
    PROGRAM,
    join(folder, 'ledger'),
    '--node-key',
    join(folder, 'node-key'),
    '--genesis',
    join(folder, 'genesis'),
  ]
  const child = spawn('sh', ['-c', command, process.execPath, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { url } = JSON.parse((await lines.next()).value as string) as { url: string }
  const ledger = createEmbeddedLedgerClient(url, { crypto, channel, identity: a.admin })
  await submitCall(ledger, a.admin, { fn: 'registerParticipant', args: [JSON.stringify(registrationOf(a.hospital))] })

  const acknowledged: CommitStatus[] = []
  const commit = async () => {
    const group = commitGroup(a.hospital, newRef(crypto, 'p'), 100)
    const status = await submitCall(ledger, a.hospital, { fn: 'commit', args: [newId(crypto, 'b'), groupsText(group)] })
    acknowledged.push(status)
  }
  const fill = async () => {
    for (let i = 0; i < 200; i++) await commit()
  }
  await assert.rejects(fill(), { code: 'LEDGER_STORAGE_FAILED' })
  await assert.rejects(commit(), { code: 'LEDGER_STORAGE_FAILED' })
  assert.equal((await fetch(`${url}/health`)).status, 500)
  for (const { txId, block } of acknowledged) assert.equal((await ledger.transaction(txId))?.block, block)
  assert.ok(await ledger.query({ fn: 'participant', args: [a.hospital.ref] }))
  assert.ok(acknowledged.length > 3)

  await ledger.close()
  child.kill('SIGKILL')
  await ended
  const report = await verifyLedger(join(folder, 'ledger'), { crypto, genesis, replay: true })
  assert.equal(report.transactions, acknowledged.length + 1)
  remove()
})
