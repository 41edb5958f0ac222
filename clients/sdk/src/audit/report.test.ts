/** Audit reports: opened as they were signed, or not at all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { newRef, type Sha256Hex } from '../../../../shared/protocol/src/index.ts'
import { signerOf } from '../identity.ts'
import { openAuditReport, signAuditReport, type AuditReport } from './report.ts'

const crypto = createNodeCrypto()
const signer = signerOf(crypto, crypto.generateSigningKey())
const by = newRef(crypto, 'a')
const report: AuditReport = {
  v: 1,
  channel: 'health',
  startedMs: 1_800_000_000_000,
  endedMs: 1_800_000_011_000,
  blocks: 8_112,
  transactions: 9_000,
  records: 12_403,
  checkpoints: 17,
  head: 'ab'.repeat(32) as Sha256Hex,
  genesis: 'cd'.repeat(32) as Sha256Hex,
  findings: [
    {
      check: 'ledger',
      result: 'fail',
      code: 'LEDGER_BLOCK_INVALID',
      block: 8_112,
      detail: 'its transactions were changed',
    },
    { check: 'checkpoints', result: 'pass' },
    { check: 'log', result: 'skip', code: 'SERVER_UNAVAILABLE' },
  ],
}

test('a signed report opens with everything that was put in', async () => {
  const file = await signAuditReport(report, by, signer)
  const opened = openAuditReport(crypto, file)
  assert.deepEqual(opened.report, report)
  assert.deepEqual([opened.by, opened.publicKey], [by, signer.publicKey])
})

test('refused: any change of what was signed, another name, another key', async () => {
  const file = await signAuditReport(report, by, signer)
  const other = signerOf(crypto, crypto.generateSigningKey())
  const { publicKey } = JSON.parse(await signAuditReport(report, by, other)) as { publicKey: string }
  const parsed = JSON.parse(file) as Record<string, string>
  for (const changed of [
    file.replace('fail', 'pass'),
    file.replace('8112', '8113'),
    file.replace(by, newRef(crypto, 'a')),
    JSON.stringify({ ...parsed, publicKey }),
    JSON.stringify({ ...parsed, more: '' }),
    JSON.stringify({ ...parsed, report: '{}' }),
    file.slice(0, -10),
    '',
  ]) {
    assert.throws(() => openAuditReport(crypto, changed), { code: 'MESSAGE_MALFORMED' })
  }
})
