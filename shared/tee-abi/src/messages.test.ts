import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCbor, type CborValue } from '../../protocol/src/cbor.ts'
import type { Effect } from './effects.ts'
import {
  decodeOutcome,
  decodeRequest,
  decodeTaMessage,
  encodeAnswer,
  encodeEffect,
  encodeRefusal,
  encodeRequest,
  type HostRequest,
} from './messages.ts'
import { ABI_OPS, isServed, MAX_ITEMS, TA_STATES, type AbiOpName } from './ops.ts'

const digest = new Uint8Array(32)
const hex32 = '0123456789abcdef'.repeat(2)
const record = new Uint8Array([1])

/** One request of every operation; the compiler sees to it that none is missing. */
const REQUESTS: { readonly [O in AbiOpName]: Extract<HostRequest, { op: O }> } = {
  hello: { id: 1, op: 'hello', hello: record, conn: 7 },
  finish: { id: 1, op: 'finish', finish: record },
  record: { id: 1, op: 'record', record },
  endorsement: {
    id: 1,
    op: 'endorsement',
    need: 3,
    answers: [[{ answer: record, signature: new Uint8Array(64) }], []],
  },
  committed: {
    id: 1,
    op: 'committed',
    items: [[`r-${hex32}`, 1, `b-${hex32}`, 0, hex32 + hex32, 4]] as never,
  },
  anchored: { id: 1, op: 'anchored', epoch: 4 },
  provision: { id: 1, op: 'provision', config: record },
  reconfigure: { id: 1, op: 'reconfigure', update: record },
  'next-identity': { id: 1, op: 'next-identity' },
  'take-identity': { id: 1, op: 'take-identity', cert: record },
  'exchange-sealing': { id: 1, op: 'exchange-sealing' },
  certificate: { id: 1, op: 'certificate', cert: record },
  status: { id: 1, op: 'status' },
  attest: { id: 1, op: 'attest', nonce: digest },
  checkpoint: { id: 1, op: 'checkpoint' },
  proof: { id: 1, op: 'proof', index: 0, size: 1 },
  'anchor-now': { id: 1, op: 'anchor-now' },
  backup: { id: 1, op: 'backup', name: 'monday.db' },
  configuration: { id: 1, op: 'configuration' },
  'replica-mode': { id: 1, op: 'replica-mode', mode: 'asynchronous' },
  'replica-hello': { id: 1, op: 'replica-hello', hello: record },
  'replica-finish': { id: 1, op: 'replica-finish', finish: record },
  'replica-record': { id: 1, op: 'replica-record', record },
  'follow-prepare': { id: 1, op: 'follow-prepare', config: record },
  'follow-hello': { id: 1, op: 'follow-hello' },
  'follow-reply': { id: 1, op: 'follow-reply', reply: record },
  'follow-record': { id: 1, op: 'follow-record', record },
  'follow-close': { id: 1, op: 'follow-close' },
  'follow-open': { id: 1, op: 'follow-open' },
  promote: { id: 1, op: 'promote' },
  'restore-prepare': { id: 1, op: 'restore-prepare', config: record },
  'restore-hello': { id: 1, op: 'restore-hello', hello: record, conn: 7 },
  'restore-finish': { id: 1, op: 'restore-finish', finish: record },
  'restore-record': { id: 1, op: 'restore-record', record },
  'restore-open': { id: 1, op: 'restore-open' },
  stop: { id: 1, op: 'stop' },
}

function altered(op: AbiOpName, change: Readonly<Record<string, unknown>>): Uint8Array {
  return encodeCbor({ ...REQUESTS[op], ...change })
}

test('every request of the table survives the way to the trusted application', () => {
  assert.deepEqual(Object.keys(REQUESTS).sort(), Object.keys(ABI_OPS).sort())
  for (const request of Object.values(REQUESTS))
    assert.deepEqual(decodeRequest(encodeRequest(request as never)), request)
})

test('a request with a member too many, too few or of another type is refused', () => {
  for (const [op, request] of Object.entries(REQUESTS) as [AbiOpName, HostRequest][]) {
    const refused = { code: 'MESSAGE_MALFORMED' }
    assert.throws(() => decodeRequest(altered(op, { extra: 1 })), refused)
    assert.throws(() => decodeRequest(altered(op, { id: 'x' })), refused)
    for (const member of Object.keys(request)) {
      if (member === 'op') continue
      const { [member]: _, ...rest } = request as unknown as Record<string, CborValue>
      assert.throws(() => decodeRequest(encodeCbor(rest)), refused, `${op} without ${member}`)
    }
  }
})

test('what is no operation is TEE_UNKNOWN_COMMAND', () => {
  const unknown = { code: 'TEE_UNKNOWN_COMMAND' }
  assert.throws(() => decodeRequest(encodeCbor({ id: 1, op: 'format-disk' })), unknown)
  assert.throws(() => decodeRequest(encodeCbor({ id: 1, op: 'constructor' })), unknown)
  assert.throws(() => decodeRequest(encodeCbor({ id: 1 })), unknown)
  assert.throws(() => decodeRequest(encodeCbor([1])), unknown)
  assert.throws(() => decodeRequest(encodeCbor(null)), unknown)
  assert.throws(() => decodeRequest(new Uint8Array([0xff])), { code: 'CBOR_MALFORMED' })
})

test('members that exclude each other are refused together, and so is none of them', () => {
  const refused = { code: 'MESSAGE_MALFORMED' }
  assert.throws(() => decodeRequest(altered('endorsement', { code: 'LEDGER_UNAVAILABLE' })), refused)
  assert.throws(() => decodeRequest(encodeCbor({ id: 1, op: 'endorsement', need: 3 })), refused)
  assert.throws(
    () => decodeRequest(encodeCbor({ id: 1, op: 'endorsement', need: 3, rows: [0], code: 'TEE_BUSY' })),
    refused,
  )
  assert.deepEqual(decodeRequest(altered('endorsement', { rows: [0, 0] })), { ...REQUESTS.endorsement, rows: [0, 0] })
  assert.throws(() => decodeRequest(altered('proof', { from: 0 })), refused)
  assert.throws(() => decodeRequest(encodeCbor({ id: 1, op: 'proof', index: 0, to: 1 })), refused)
  assert.throws(() => decodeRequest(encodeCbor({ id: 1, op: 'proof' })), refused)
  assert.equal(decodeRequest(encodeCbor({ id: 1, op: 'proof', from: 0, to: 1 })).op, 'proof')
})

test('limits and names hold', () => {
  const refused = { code: 'MESSAGE_MALFORMED' }
  assert.throws(() => decodeRequest(altered('hello', { hello: new Uint8Array(2_049) })), refused)
  assert.throws(() => decodeRequest(altered('backup', { name: '../store.db' })), refused)
  assert.throws(() => decodeRequest(altered('backup', { name: '.hidden' })), refused)
  assert.throws(() => decodeRequest(altered('anchored', { code: 'NOT_A_CODE' })), refused)
  const item = (REQUESTS.committed as unknown as { items: CborValue[] }).items[0] as CborValue
  assert.throws(() => decodeRequest(altered('committed', { items: Array(MAX_ITEMS + 1).fill(item) })), refused)
  assert.throws(() => decodeRequest(altered('committed', { items: [] })), refused)
})

test('answers and refusals come back with their id', () => {
  const done = decodeTaMessage(encodeAnswer('attest', 9, { evidence: 'a.b.c' }))
  assert.ok(done.kind === 'answer' && done.id === 9)
  assert.deepEqual(decodeOutcome('attest', done.body), { ok: true, answer: { evidence: 'a.b.c' } })
  const refused = decodeTaMessage(encodeRefusal(10, 'SESSION_UNKNOWN'))
  assert.ok(refused.kind === 'answer' && refused.id === 10)
  assert.deepEqual(decodeOutcome('attest', refused.body), { ok: false, code: 'SESSION_UNKNOWN' })
})

test('an answer that does not fit its operation is TEE_MESSAGE_INVALID', () => {
  const invalid = { code: 'TEE_MESSAGE_INVALID' }
  const done = decodeTaMessage(encodeAnswer('attest', 9, { evidence: 'a.b.c' }))
  assert.ok(done.kind === 'answer')
  assert.throws(() => decodeOutcome('hello', done.body), invalid)
  assert.throws(() => decodeOutcome('hello', { id: 1, ok: false, code: 'NOT_A_CODE' }), invalid)
  assert.throws(() => decodeOutcome('hello', { id: 1, ok: 1 }), invalid)
  assert.throws(() => decodeTaMessage(encodeCbor({ ok: true })), invalid)
  assert.throws(() => decodeTaMessage(encodeCbor({ fx: 'reboot' })), invalid)
  assert.throws(() => decodeTaMessage(new Uint8Array([0x9f])), invalid)
})

test('every effect comes back', () => {
  const effects: Effect[] = [
    { fx: 'need', need: 1, queries: [{ fn: 'patientPolicy', args: ['[]'] }], nonce: digest, minHeight: 0 },
    { fx: 'watch', records: [[`r-${hex32}`, 1]] as never },
    { fx: 'anchor', serverRef: `s-${hex32}` as never, epoch: 2, checkpoint: 'note', signature: new Uint8Array(64) },
    { fx: 'notice', kind: 'emergency-open', ref: `p-${hex32}` as never },
    { fx: 'fatal', code: 'STATE_ROLLED_BACK' },
  ]
  for (const effect of effects) assert.deepEqual(decodeTaMessage(encodeEffect(effect)), { kind: 'effect', effect })
})

test('sessions are served in the state serving only; status, provisioning and stop always', () => {
  for (const state of TA_STATES) {
    for (const op of ['hello', 'finish', 'record', 'checkpoint', 'proof'] as const) {
      assert.equal(isServed(op, state), state === 'serving')
    }
    for (const op of ['status', 'stop', 'provision'] as const) assert.ok(isServed(op, state))
  }
  assert.ok(!isServed('endorsement', 'provisioned') && isServed('endorsement', 'recovering'))
})
