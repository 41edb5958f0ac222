/**
 * The port itself: commit status, repetition, conflicts, endorsed reads, blocks.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { verifyEndorsedRead } from '../../../shared/ledger-model/src/index.ts'
import { newRef } from '../../../shared/protocol/src/index.ts'
import type { CommitStatus, LedgerBlock } from '../../../ledger/client/src/port.ts'
import { submitCall } from '../../../ledger/client/src/submit-call.ts'
import {
  createPatient,
  createPatientKey,
  issueCertificate,
  patientRegistrationOf,
  registrationOf,
} from '../consortium.ts'
import { addKeyStatement, crypto, HASH, type LedgerWorld, refused } from './ledger-world.ts'

/** Parallel submissions rarely, but not always, meet in one block. */
const CONFLICT_ROUNDS = 50

export function describePort(world: () => LedgerWorld): void {
  const registration = () => ({
    fn: 'registerParticipant',
    args: [JSON.stringify(patientRegistrationOf(createPatient()))],
  })

  describe('submit', () => {
    test('a committed transaction is in the block that its status names', async () => {
      const { ledger, a } = world()
      const status = await submitCall(ledger, a.hospital, registration())
      assert.ok((await ledger.height()) >= status.block)
      const found = await ledger.transaction(status.txId)
      const { txId, block, index, timeMs, result } = status
      assert.deepEqual(
        { ...found, args: [] },
        {
          txId,
          block,
          index,
          timeMs,
          result,
          status: 'VALID',
          mspId: a.mspId,
          fn: 'registerParticipant',
          args: [],
          event: found?.event,
        },
      )
      const stored = await ledger.block(block)
      assert.deepEqual(stored?.transactions[index], found)
      assert.ok((stored?.timeMs ?? 0) >= timeMs - 300_000)
    })

    test('the same signed proposal counts once, at the same time and later', async () => {
      const { ledger, a } = world()
      const signed = await ledger.prepare(a.hospital, registration())
      const statuses = await Promise.all([ledger.submit(signed), ledger.submit(signed), ledger.submit(signed)])
      statuses.push(await ledger.submit(signed))
      for (const status of statuses) assert.deepEqual(status, statuses[0])
      const { block, txId } = statuses[0]
      const stored = await ledger.block(block)
      assert.equal(stored?.transactions.filter((one) => one.txId === txId).length, 1)
    })

    test('a refused proposal leaves nothing', async () => {
      const { ledger, a, ask } = world()
      const patient = createPatient()
      const call = { fn: 'registerParticipant', args: [JSON.stringify(patientRegistrationOf(patient))] }
      await refused('LEDGER_FORBIDDEN', submitCall(ledger, a.admin, call))
      await refused('PARTICIPANT_UNKNOWN', ask('participant', patient.ref))
    })

    test('of two that change the same, one is a conflict: final, in a block, without effect', async () => {
      const { ledger, a, ask, registerPatient } = world()
      const patient = await registerPatient(a)
      for (let round = 0; round < CONFLICT_ROUNDS; round++) {
        const keys = [createPatientKey('tablet'), createPatientKey('laptop')]
        const proposals = await Promise.all(
          keys.map(({ key }) => ledger.prepare(a.hospital, { fn: 'addKey', args: [addKeyStatement(patient, key)] })),
        )
        const outcomes = await Promise.allSettled(proposals.map((signed) => ledger.submit(signed)))
        const lost = outcomes.findIndex(({ status }) => status === 'rejected')
        if (lost < 0) continue
        const signed = proposals[lost]
        assert.ok(signed !== undefined)
        assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 1)
        await refused('LEDGER_CONFLICT', ledger.submit(signed))
        const { keys: stored } = (await ask('keysOf', patient.ref)) as { keys: { kid: string }[] }
        assert.ok(!stored.some(({ kid }) => kid === keys[lost]?.key.kid))
        return
      }
      assert.fail('no conflict in any round')
    })

    test('submitCall tries again after a conflict', async () => {
      const { ledger, a, ask, registerPatient } = world()
      const patient = await registerPatient(a)
      const added = Array.from({ length: 8 }, () => createPatientKey('device'))
      await Promise.all(
        added.map(({ key }) =>
          submitCall(ledger, a.hospital, { fn: 'addKey', args: [addKeyStatement(patient, key)] }, 50),
        ),
      )
      const { keys } = (await ask('keysOf', patient.ref)) as { keys: unknown[] }
      assert.equal(keys.length, 9)
    })
  })

  describe('calls', () => {
    test('refused: a function that does not exist, a wrong number of arguments', async () => {
      const { call, ask, a } = world()
      await refused('LEDGER_UNKNOWN_FUNCTION', call(a.admin, 'constructor'))
      await refused('LEDGER_UNKNOWN_FUNCTION', ask('createContext'))
      await refused('LEDGER_BAD_ARGUMENT', ask('participant'))
      await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'suspendParticipant', 'x'))
    })

    test('refused: a certificate that its own organisation revoked', async () => {
      const { call, ask, a, b, register } = world()
      const doctor = await register(a, 'doctor')
      // The other organisation's word on the number does not count.
      await call(b.admin, 'revokeCertificate', doctor.certSerial, 'lost')
      const record = (hospitals: readonly string[]) =>
        call(doctor, 'create', newRef(crypto, 'p'), '1', 'active', 'lab', HASH, hospitals)
      await record([a.hospital.ref])
      await call(a.admin, 'revokeCertificate', doctor.certSerial, 'lost')
      await refused('LEDGER_IDENTITY_REJECTED', record([a.hospital.ref]))
      const policy = (await ask('organizationPolicy', a.mspId)) as { revokedSerials: string[] }
      assert.ok(policy.revokedSerials.includes(doctor.certSerial))
    })

    test('a member without a role may ask and bring statements, not more', async () => {
      const { call, a, registerPatient } = world()
      const member = await issueCertificate(a.authority, 'member')
      const patient = await registerPatient(a)
      await call(member, 'addKey', addKeyStatement(patient, createPatientKey('tablet').key))
      await refused('LEDGER_FORBIDDEN', call(member, 'registerParticipant', registrationOf(a.hospital)))
    })
  })

  describe('endorsed reads', () => {
    test('answers verify with the reader’s nonce and show the height', async () => {
      const { read, ledger, a, call } = world()
      await call(a.hospital, 'registerParticipant', patientRegistrationOf(createPatient()))
      const before = await ledger.height()
      const { status, height, timeMs } = await read('participant', a.hospital.ref)
      assert.equal(status, 200)
      assert.ok(height >= before)
      assert.ok(Math.abs(Date.now() - timeMs) < 60_000)
    })

    test('a refusal is an answer that verifies', async () => {
      const { read } = world()
      const { status, result } = await read('participant', newRef(crypto, 'd'))
      assert.deepEqual({ status, result }, { status: 'PARTICIPANT_UNKNOWN', result: '' })
    })

    test('refused by the reader: another nonce, a height that is not reached', async () => {
      const { ledger, demand, a } = world()
      const query = { fn: 'participant', args: [a.hospital.ref] }
      const nonce = crypto.randomBytes(32)
      const answers = await ledger.endorsedRead({ ...query, nonce })
      const verify = (change: object) => () =>
        verifyEndorsedRead(crypto, { ...demand(nonce), query, ...change }, answers)
      verify({})()
      assert.throws(verify({ nonce: crypto.randomBytes(32) }), { code: 'ENDORSEMENT_NONCE' })
      assert.throws(verify({ minHeight: (await ledger.height()) + 1_000 }), { code: 'ENDORSEMENT_STALE' })
    })

    test('many questions under one nonce are answered in their order', async () => {
      const { ledger, demand, a, b } = world()
      const queries = [a, b, a].map(({ hospital }) => ({ fn: 'participant', args: [hospital.ref] }))
      const nonce = crypto.randomBytes(32)
      const answers = await ledger.endorsedReads({ queries, nonce })
      const refs = answers.map((one, i) => {
        const query = queries[i] as (typeof queries)[number]
        const { result } = verifyEndorsedRead(crypto, { ...demand(nonce), query }, one)
        return (JSON.parse(result) as { ref: string }).ref
      })
      assert.deepEqual(refs, [a.hospital.ref, b.hospital.ref, a.hospital.ref])
    })
  })

  describe('blocks', () => {
    test('the stream gives each block once, in order, from where it is asked, and waits for new ones', async () => {
      const { ledger, a } = world()
      const from = await ledger.height()
      const seen: LedgerBlock[] = []
      const statuses: CommitStatus[] = []
      for (let i = 0; i < 3; i++) statuses.push(await submitCall(ledger, a.hospital, registration()))
      const wanted = new Set(statuses.map(({ txId }) => txId as string))
      const late = submitCall(ledger, a.hospital, registration()).then(({ txId }) => wanted.add(txId))
      for await (const block of ledger.blocks(from)) {
        seen.push(block)
        for (const { txId } of block.transactions) wanted.delete(txId)
        await late
        if (wanted.size === 0) break
      }
      assert.deepEqual(
        seen.map(({ number }) => number),
        seen.map((_, i) => from + i),
      )
      const resumed = seen[1]
      for await (const block of ledger.blocks(from + 1)) {
        assert.deepEqual(block, resumed)
        break
      }
    })

    test('the stream ends when it is aborted', async () => {
      const { ledger } = world()
      const stop = new AbortController()
      const blocks = ledger.blocks((await ledger.height()) + 1_000, { signal: stop.signal })
      const end = (async () => {
        for await (const _ of blocks) assert.fail('a block from the future')
      })()
      stop.abort()
      await end
    })

    test('a block that is not there yet is undefined, and so is a transaction that nobody made', async () => {
      const { ledger } = world()
      assert.equal(await ledger.block((await ledger.height()) + 1_000), undefined)
      assert.equal(await ledger.transaction('0'.repeat(64) as CommitStatus['txId']), undefined)
    })
  })
}
