/**
 * Participants, organisations, measurements, sanctions.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeBase64url, encodeHex, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import {
  misuseRecordShape,
  organizationPolicyOrUnchangedShape,
  organizationPolicyShape,
  participantRecordShape,
  type ParticipantRegistration,
  parseResult,
  patientParticipantShape,
  programRecordShape,
  successionOf,
  successionRecordShape,
} from '../../../shared/ledger-model/src/index.ts'
import { newRef } from '../../../shared/protocol/src/index.ts'
import { createPatient, issueCertificate, patientRegistrationOf, registrationOf } from '../consortium.ts'
import { crypto, grantOf, HASH, type LedgerWorld, refused } from './ledger-world.ts'

/** Reference values of an OP-TEE server; every digest is the same, and stands once in each list. */
const OPTEE = {
  reportKeys: ['A'.repeat(43)],
  cores: [{ digest: HASH, version: '4.10.0', signer: HASH, debug: false, simulated: true }],
  programs: [{ digest: HASH, measurement: HASH, signer: HASH, securityVersion: 1, debug: false }],
}

export function describeParticipants(world: () => LedgerWorld): void {
  const participant = async (ref: string) =>
    parseResult(await world().ledger.query({ fn: 'participant', args: [ref] }), participantRecordShape)

  describe('registerParticipant', () => {
    test('every kind is registered by its administrator and found', async () => {
      const { call, a } = world()
      for (const role of ['doctor', 'auditor', 'server', 'hospital'] as const) {
        const identity = await issueCertificate(a.authority, role, { emergency: role === 'doctor' })
        const registration = registrationOf(identity)
        await call(a.admin, 'registerParticipant', registration)
        const { mspId, status, flagged, earlierKeys, registeredMs, changedMs, ...rest } = await participant(
          identity.ref,
        )
        assert.deepEqual(rest, registration)
        assert.deepEqual(
          { mspId, status, flagged, earlierKeys },
          {
            mspId: a.mspId,
            status: 'active',
            flagged: false,
            earlierKeys: [],
          },
        )
        assert.equal(registeredMs, changedMs)
      }
    })

    test('a server in OP-TEE is registered with its reference values, and they are renewed', async () => {
      const { call, a } = world()
      const { server, ...registration } = registrationOf(await issueCertificate(a.authority, 'server'))
      const details = { ...server, teeKind: 'optee', optee: OPTEE }
      await call(a.admin, 'registerParticipant', { ...registration, server: details })
      assert.deepEqual((await participant(registration.ref)).server, details)
      const fewer = { ...details, optee: { ...OPTEE, cores: [] } }
      await call(a.admin, 'renewParticipant', { ...registration, server: fewer })
      assert.deepEqual((await participant(registration.ref)).server, fewer)
    })

    test('what a new build of a server in OP-TEE says is added by its own administrator, and by no other', async () => {
      const { call, a, b } = world()
      const { server, ...registration } = registrationOf(await issueCertificate(a.authority, 'server'))
      const details = { ...server, teeKind: 'optee', optee: OPTEE }
      await call(a.admin, 'registerParticipant', { ...registration, server: details })
      const programs = [...OPTEE.programs, { ...OPTEE.programs[0], digest: 'b'.repeat(64), securityVersion: 2 }]
      const added = { ...registration, server: { ...details, optee: { ...OPTEE, programs } } }
      await refused('LEDGER_FORBIDDEN', call(b.admin, 'renewParticipant', added))
      assert.deepEqual((await participant(registration.ref)).server, details)
      const twice = { ...OPTEE, programs: [...programs, programs[1]] }
      await refused(
        'LEDGER_BAD_ARGUMENT',
        call(a.admin, 'renewParticipant', { ...added, server: { ...details, optee: twice } }),
      )
      await call(a.admin, 'renewParticipant', added)
      assert.deepEqual((await participant(registration.ref)).server, added.server)
    })

    test('repeating it changes nothing', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      const first = await participant(doctor.ref)
      assert.deepEqual(await call(a.admin, 'registerParticipant', registrationOf(doctor)), first)
    })

    test('refused: a reference that is registered with other content, or by another organisation', async () => {
      const { call, a, b, register } = world()
      const doctor = await register(a, 'doctor')
      const other = { ...registrationOf(doctor), certSerial: 'aa' }
      await refused('PARTICIPANT_EXISTS', call(a.admin, 'registerParticipant', other))
      await refused('PARTICIPANT_EXISTS', call(b.admin, 'registerParticipant', registrationOf(doctor)))
    })

    test('refused: callers that are no administrator, and an administrator who registers a patient', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      const auditor = await register(a, 'auditor')
      const registration = registrationOf(await issueCertificate(a.authority, 'doctor'))
      for (const caller of [doctor, auditor, a.hospital]) {
        await refused('LEDGER_FORBIDDEN', call(caller, 'registerParticipant', registration))
      }
      await refused('LEDGER_FORBIDDEN', call(a.admin, 'registerParticipant', patientRegistrationOf(createPatient())))
    })

    test('refused: a server whose certificate differs in key, number, role or reference', async () => {
      const { call, a } = world()
      const server = await issueCertificate(a.authority, 'server')
      const good = registrationOf(server)
      const { ref } = server
      const details = good.server as NonNullable<typeof good.server>
      const otherKey = await issueCertificate(a.authority, 'server', { ref })
      const otherRole = await a.authority.issue({ role: 'doctor', ref, publicKey: server.signingKey.publicKey })
      const otherRef = await a.authority.issue({
        role: 'server',
        ref: newRef(crypto, 's'),
        publicKey: server.signingKey.publicKey,
      })
      const withCertificate = (cert: Uint8Array, certSerial: string) => ({
        ...good,
        certSerial,
        server: { ...details, certificate: encodeBase64url(cert) },
      })
      const wrong: Record<string, unknown> = {
        key: withCertificate(otherKey.cert, otherKey.certSerial),
        number: { ...good, certSerial: 'abcd' },
        role: withCertificate(otherRole.chain[0], otherRole.serialHex),
        reference: withCertificate(otherRef.chain[0], otherRef.serialHex),
      }
      for (const [what, registration] of Object.entries(wrong)) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'registerParticipant', registration), what)
      }
      await call(a.admin, 'registerParticipant', good)
    })

    test('refused: registrations that are malformed', async () => {
      const { call, a, b } = world()
      const doctor = registrationOf(await issueCertificate(a.authority, 'doctor'))
      const server = registrationOf(await issueCertificate(a.authority, 'server'))
      const stranger = await issueCertificate(b.authority, 'server')
      const { sealKey: _, ...unsealed } = doctor
      const details = server.server as NonNullable<ParticipantRegistration['server']>
      const malformed: Record<string, unknown> = {
        'no JSON': '{',
        'a member twice': JSON.stringify(doctor).replace('{', `{"ref":"${doctor.ref}",`),
        'an unknown member': { ...doctor, name: 'x' },
        'no seal key': unsealed,
        'a reference of another kind': { ...doctor, ref: newRef(crypto, 'h') },
        'a key off the curve': { ...doctor, publicKey: encodeBase64url(new Uint8Array(65).fill(4)) },
        'a serial that is no number': { ...doctor, certSerial: 'xyz' },
        'server details of a doctor': { ...doctor, server: details },
        'a server without details': { ...server, server: undefined },
        'a certificate of another key': {
          ...server,
          server: { ...details, certificate: encodeBase64url(stranger.cert) },
        },
        'a certificate that is none': { ...server, server: { ...details, certificate: 'AAAA' } },
        'an attestation key off the curve': { ...server, server: { ...details, attestationKeys: [doctor.sealKey] } },
        'reference values of OP-TEE for a process': { ...server, server: { ...details, optee: OPTEE } },
        'a reference value twice': {
          ...server,
          server: { ...details, teeKind: 'optee', optee: { ...OPTEE, cores: [...OPTEE.cores, ...OPTEE.cores] } },
        },
        'free text in an attribute': { ...doctor, attributes: { name: 'John Doe' } },
      }
      for (const [what, value] of Object.entries(malformed)) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'registerParticipant', value), what)
      }
    })
  })

  describe('renewParticipant', () => {
    test('the new key counts, the earlier one is kept with the time until which it did', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      const renewed = await issueCertificate(a.authority, 'doctor', { ref: doctor.ref })
      await call(a.admin, 'renewParticipant', registrationOf(renewed))
      const { publicKey, earlierKeys, changedMs } = await participant(doctor.ref)
      assert.equal(publicKey, encodeBase64url(renewed.signingKey.publicKey))
      const earlier = encodeBase64url(doctor.signingKey.publicKey)
      assert.deepEqual(earlierKeys, [{ publicKey: earlier, certSerial: doctor.certSerial, untilMs: changedMs }])
    })

    test('refused: an unknown participant, another organisation’s, other callers, malformed', async () => {
      const { call, a, b, register } = world()
      const doctor = await register(a, 'doctor')
      const registration = registrationOf(doctor)
      const unknown = registrationOf(await issueCertificate(a.authority, 'doctor'))
      await refused('PARTICIPANT_UNKNOWN', call(a.admin, 'renewParticipant', unknown))
      await refused('LEDGER_FORBIDDEN', call(b.admin, 'renewParticipant', registration))
      await refused('LEDGER_FORBIDDEN', call(a.hospital, 'renewParticipant', registration))
      await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'renewParticipant', { ...registration, kind: 'nurse' }))
    })
  })

  describe('suspendParticipant, reinstateParticipant', () => {
    test('a suspended participant may not act until it is reinstated', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      const create = () => call(doctor, 'create', newRef(crypto, 'p'), '1', 'active', 'lab', HASH, [a.hospital.ref])
      await create()
      await call(a.admin, 'suspendParticipant', doctor.ref, 'investigation')
      assert.equal((await participant(doctor.ref)).status, 'suspended')
      await refused('PARTICIPANT_SUSPENDED', create())
      await call(a.admin, 'suspendParticipant', doctor.ref, 'investigation')
      await call(a.admin, 'reinstateParticipant', doctor.ref, 'cleared')
      await create()
    })

    test('a patient is suspended and reinstated', async () => {
      const { call, a, ledger, registerPatient } = world()
      const { ref } = await registerPatient(a)
      const status = async () =>
        parseResult(await ledger.query({ fn: 'participant', args: [ref] }), patientParticipantShape).status
      assert.equal(await status(), 'active')
      await call(a.admin, 'suspendParticipant', ref, 'duplicate')
      assert.equal(await status(), 'suspended')
      await call(a.admin, 'reinstateParticipant', ref, 'cleared')
      assert.equal(await status(), 'active')
    })

    test('refused: unknown participants, another organisation, other callers, a reason that is a sentence', async () => {
      const { call, a, b, register, registerPatient } = world()
      const doctor = await register(a, 'doctor')
      const patient = await registerPatient(a)
      for (const fn of ['suspendParticipant', 'reinstateParticipant']) {
        await refused('PARTICIPANT_UNKNOWN', call(a.admin, fn, newRef(crypto, 'd'), 'code'))
        await refused('PARTICIPANT_UNKNOWN', call(a.admin, fn, newRef(crypto, 'p'), 'code'))
        await refused('LEDGER_FORBIDDEN', call(b.admin, fn, doctor.ref, 'code'))
        await refused('LEDGER_FORBIDDEN', call(b.admin, fn, patient.ref, 'code'))
        await refused('LEDGER_FORBIDDEN', call(a.hospital, fn, doctor.ref, 'code'))
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, fn, doctor.ref, 'He did it again'))
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, fn, 'doctor', 'code'))
      }
    })
  })

  test('participant refuses who is not registered, and what is no reference', async () => {
    const { ask } = world()
    await refused('PARTICIPANT_UNKNOWN', ask('participant', newRef(crypto, 'd')))
    await refused('PARTICIPANT_UNKNOWN', ask('participant', newRef(crypto, 'p')))
    await refused('LEDGER_BAD_ARGUMENT', ask('participant', 'd-1'))
  })

  describe('setMeasurements', () => {
    test('the accepted programs of a server change, nothing else', async () => {
      const { call, a, register } = world()
      const server = await register(a, 'server')
      const before = await participant(server.ref)
      await call(a.admin, 'setMeasurements', server.ref, [HASH, 'cd'.repeat(32)])
      const after = await participant(server.ref)
      assert.deepEqual(after, {
        ...before,
        changedMs: after.changedMs,
        server: { ...before.server, measurements: [HASH, 'cd'.repeat(32)] },
      })
    })

    test('refused: unknown servers, another organisation, other callers, malformed', async () => {
      const { call, a, b, register } = world()
      const server = await register(a, 'server')
      await refused('PARTICIPANT_UNKNOWN', call(a.admin, 'setMeasurements', newRef(crypto, 's'), []))
      await refused('LEDGER_FORBIDDEN', call(b.admin, 'setMeasurements', server.ref, []))
      await refused('LEDGER_FORBIDDEN', call(server, 'setMeasurements', server.ref, []))
      for (const wrong of [['x'], [HASH, HASH], {}, '[', Array.from({ length: 65 }, () => HASH)]) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'setMeasurements', server.ref, wrong))
      }
      await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'setMeasurements', a.hospital.ref, []))
    })
  })

  describe('approveProgram, withdrawProgram, program', () => {
    const programOf = async (measurement: string) =>
      parseResult(await world().ledger.query({ fn: 'program', args: [measurement] }), programRecordShape)
    const votesOf = async (measurement: string) =>
      (await programOf(measurement)).votes.map(({ mspId, securityVersion }) => [mspId, securityVersion])

    test('each organisation has one vote for a program, which it changes and takes back', async () => {
      const { call, a, b } = world()
      const measurement = '1d'.repeat(32)
      assert.deepEqual(await programOf(measurement), { measurement, votes: [] })
      await call(b.admin, 'approveProgram', measurement, '3')
      await call(a.admin, 'approveProgram', measurement, '2')
      const [vote] = (await programOf(measurement)).votes
      await call(a.admin, 'approveProgram', measurement, '2')
      assert.deepEqual((await programOf(measurement)).votes[0], vote)
      const both = [
        [a.mspId, 2],
        [b.mspId, 3],
      ]
      assert.deepEqual(
        await votesOf(measurement),
        both.toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
      )
      await call(a.admin, 'approveProgram', measurement, '3')
      await call(b.admin, 'withdrawProgram', measurement)
      assert.deepEqual(await votesOf(measurement), [[a.mspId, 3]])
      assert.deepEqual(await votesOf('2d'.repeat(32)), [])
    })

    test('refused: who is no administrator, what was not approved, malformed', async () => {
      const { call, ask, a, b, register } = world()
      const measurement = '3d'.repeat(32)
      const server = await register(a, 'server')
      for (const caller of [server, a.hospital]) {
        await refused('LEDGER_FORBIDDEN', call(caller, 'approveProgram', measurement, '1'))
        await refused('LEDGER_FORBIDDEN', call(caller, 'withdrawProgram', measurement))
      }
      await call(a.admin, 'approveProgram', measurement, '1')
      await call(b.admin, 'withdrawProgram', measurement)
      assert.deepEqual(await votesOf(measurement), [[a.mspId, 1]])
      for (const wrong of ['x', measurement.toUpperCase(), measurement.slice(2)]) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'approveProgram', wrong, '1'))
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'withdrawProgram', wrong))
        await refused('LEDGER_BAD_ARGUMENT', ask('program', wrong))
      }
      for (const wrong of ['', '0', '-1', '01', '1.5', '65536']) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'approveProgram', measurement, wrong))
      }
    })
  })

  describe('approveSuccession, withdrawSuccession, succession', () => {
    const INSTANCE = '4d'.repeat(32)
    const OTHER = '5d'.repeat(32)
    const FROM = { epoch: 3, size: 12, root: '6d'.repeat(32) }
    const votesFor = async (server: string) => {
      const asked = { fn: 'succession', args: [server] }
      const { serverRef, votes } = parseResult(await world().ledger.query(asked), successionRecordShape)
      assert.equal(serverRef, server)
      return votes.map(({ mspId, ...vote }) => ({ ...successionOf(vote), mspId }))
    }

    test('each organisation has one vote in a term, which it changes and takes back', async () => {
      const { call, a, b, register } = world()
      const server = await register(a, 'server')
      assert.deepEqual(await votesFor(server.ref), [])
      const first = { term: 1, instance: INSTANCE }
      await call(a.admin, 'approveSuccession', server.ref, first)
      await call(a.admin, 'approveSuccession', server.ref, first)
      assert.deepEqual(await votesFor(server.ref), [{ ...first, mspId: a.mspId }])
      const replaced = { term: 1, instance: OTHER, from: FROM }
      await call(a.admin, 'approveSuccession', server.ref, replaced)
      await call(b.admin, 'approveSuccession', server.ref, replaced)
      assert.deepEqual(
        await votesFor(server.ref),
        [a.mspId, b.mspId].toSorted().map((mspId) => ({ ...replaced, mspId })),
      )
      await call(b.admin, 'withdrawSuccession', server.ref, '1')
      await call(b.admin, 'withdrawSuccession', server.ref, '1')
      assert.deepEqual(await votesFor(server.ref), [{ ...replaced, mspId: a.mspId }])
    })

    test('the vote of the term before stays until the next but one, and comes back', async () => {
      const { call, a, register } = world()
      const server = await register(a, 'server')
      const terms = async () => (await votesFor(server.ref)).map(({ term }) => term)
      for (const term of [1, 2, 4]) {
        await call(a.admin, 'approveSuccession', server.ref, { term, instance: INSTANCE })
      }
      assert.deepEqual(await terms(), [4, 2])
      await call(a.admin, 'withdrawSuccession', server.ref, '4')
      assert.deepEqual(await terms(), [2])
    })

    test('refused: who is no administrator, unknown servers, earlier terms, malformed', async () => {
      const { call, ask, a, b, register } = world()
      const server = await register(a, 'server')
      const vote = { term: 2, instance: INSTANCE }
      for (const caller of [server, a.hospital]) {
        await refused('LEDGER_FORBIDDEN', call(caller, 'approveSuccession', server.ref, vote))
        await refused('LEDGER_FORBIDDEN', call(caller, 'withdrawSuccession', server.ref, '2'))
      }
      await refused('PARTICIPANT_UNKNOWN', call(a.admin, 'approveSuccession', newRef(crypto, 's'), vote))
      await call(a.admin, 'approveSuccession', server.ref, vote)
      // What another organisation takes back is its own.
      await call(b.admin, 'withdrawSuccession', server.ref, '2')
      await refused('SUCCESSION_OLD_TERM', call(a.admin, 'approveSuccession', server.ref, { ...vote, term: 1 }))
      await refused('SUCCESSION_OLD_TERM', call(a.admin, 'withdrawSuccession', server.ref, '1'))
      assert.deepEqual(await votesFor(server.ref), [{ ...vote, mspId: a.mspId }])
      const wrong = [
        'x',
        {},
        [],
        { term: 3 },
        { ...vote, term: 0 },
        { ...vote, term: 1.5 },
        { ...vote, term: 65_536 },
        { ...vote, instance: INSTANCE.slice(2) },
        { ...vote, instance: INSTANCE.toUpperCase() },
        { ...vote, force: true },
        { ...vote, from: {} },
        { ...vote, from: { ...FROM, epoch: 0 } },
        { ...vote, from: { ...FROM, size: 0 } },
        { ...vote, from: { ...FROM, root: 'x' } },
      ]
      for (const succession of wrong) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'approveSuccession', server.ref, succession))
      }
      for (const term of ['', '0', '-1', '01', '65536']) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'withdrawSuccession', server.ref, term))
      }
      for (const ref of ['x', a.hospital.ref]) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'approveSuccession', ref, vote))
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'withdrawSuccession', ref, '1'))
        await refused('LEDGER_BAD_ARGUMENT', ask('succession', ref))
      }
    })
  })

  describe('revokeCertificate, organizationPolicy, organizationPolicyUnless', () => {
    test('the policy lists the organisation’s participants without patients, and its revoked numbers', async () => {
      const { call, a, b, ledger, register, registerPatient } = world()
      const doctor = await register(a, 'doctor')
      const stranger = await register(b, 'doctor')
      await registerPatient(a)
      await call(a.admin, 'revokeCertificate', '0a0b', 'lost')
      const policy = parseResult(
        await ledger.query({ fn: 'organizationPolicy', args: [a.mspId] }),
        organizationPolicyShape,
      )
      const refs = policy.participants.map(({ ref }) => ref as string)
      assert.ok(refs.includes(doctor.ref) && refs.includes(a.hospital.ref))
      assert.ok(!refs.includes(stranger.ref) && !refs.some((ref) => ref.startsWith('p-')))
      assert.deepEqual(
        policy.participants.find(({ ref }) => ref === doctor.ref),
        await participant(doctor.ref),
      )
      assert.ok(policy.revokedSerials.includes('0a0b'))
    })

    test('who has the policy is told that it is unchanged, and gets it whole once it has changed', async () => {
      const { call, a, ledger } = world()
      await call(a.admin, 'revokeCertificate', '0e01', 'lost')
      const whole = () => ledger.query({ fn: 'organizationPolicy', args: [a.mspId] })
      const known = await whole()
      const digest = encodeHex(crypto.sha256(encodeUtf8(known)))
      const unless = () => ledger.query({ fn: 'organizationPolicyUnless', args: [a.mspId, digest] })
      assert.deepEqual(parseResult(await unless(), organizationPolicyOrUnchangedShape), {
        mspId: a.mspId,
        unchanged: digest,
      })
      await call(a.admin, 'revokeCertificate', '0e02', 'lost')
      assert.equal(await unless(), await whole())
      assert.notEqual(await unless(), known)
    })

    test('revoking again keeps the first entry', async () => {
      const { call, a } = world()
      const first = await call(a.admin, 'revokeCertificate', '0c', 'lost')
      assert.deepEqual(await call(a.admin, 'revokeCertificate', '0c', 'stolen'), first)
    })

    test('refused: other callers, malformed numbers and reasons', async () => {
      const { call, a } = world()
      await refused('LEDGER_FORBIDDEN', call(a.hospital, 'revokeCertificate', '0d', 'lost'))
      for (const serial of ['', '0', 'XY', '00'.repeat(21)]) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'revokeCertificate', serial, 'lost'))
      }
      await refused('LEDGER_BAD_ARGUMENT', call(a.admin, 'revokeCertificate', '0d', 'Lost it'))
    })

    test('refused: an organisation that has nothing on the ledger, a name that is none', async () => {
      const { ask } = world()
      await refused('ORGANIZATION_UNKNOWN', ask('organizationPolicy', 'Silent'))
      await refused('LEDGER_BAD_ARGUMENT', ask('organizationPolicy', 'not a name'))
      await refused('ORGANIZATION_UNKNOWN', ask('organizationPolicyUnless', 'Silent', HASH))
      for (const digest of ['', 'x'.repeat(64), HASH.toUpperCase(), HASH.slice(2)]) {
        await refused('LEDGER_BAD_ARGUMENT', ask('organizationPolicyUnless', 'HospitalA', digest))
      }
    })
  })

  describe('reportMisuse, misuseOf', () => {
    const report = (subject: string) => ({ subject, code: 'no-permission', evidence: [HASH] })
    const misuseOf = async (ref: string) =>
      parseResult(await world().ledger.query({ fn: 'misuseOf', args: [ref] }), misuseRecordShape)

    test('a report is kept, suspends grants to its subject, and is lifted by reinstatement only', async () => {
      const { call, a, b, ask, register, registerPatient } = world()
      const doctor = await register(a, 'doctor')
      const patient = await registerPatient(a)
      await call(a.hospital, 'grant', grantOf(patient, { grantee: doctor.ref }).jws)
      const suspended = async () => {
        const result = await ask('patientPolicy', [patient.ref])
        const [policy] = result as [{ grants: { suspended: boolean }[]; suspended: unknown }]
        assert.deepEqual(policy.suspended, [], 'a report alone suspends nobody')
        return policy.grants.map((grant) => grant.suspended)
      }
      assert.deepEqual(await suspended(), [false])
      assert.deepEqual(await misuseOf(doctor.ref), { ref: doctor.ref, flagged: false, reports: [] })
      const auditor = await register(b, 'auditor')
      await call(auditor, 'reportMisuse', report(doctor.ref))
      await call(b.hospital, 'reportMisuse', { ...report(doctor.ref), code: 'other' })
      const { flagged, reports } = await misuseOf(doctor.ref)
      assert.ok(flagged)
      assert.deepEqual(
        new Map<string, string>(reports.map(({ reporter, code }) => [reporter, code])),
        new Map<string, string>([
          [auditor.ref, 'no-permission'],
          [b.hospital.ref, 'other'],
        ]),
      )
      assert.deepEqual(await suspended(), [true])
      assert.equal((await participant(doctor.ref)).status, 'active')
      await call(a.admin, 'reinstateParticipant', doctor.ref, 'cleared')
      assert.deepEqual(await suspended(), [false])
      assert.equal((await misuseOf(doctor.ref)).reports.length, 2)
    })

    test('refused: unknown subjects, other callers, malformed reports', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      await refused('PARTICIPANT_UNKNOWN', call(a.hospital, 'reportMisuse', report(newRef(crypto, 'd'))))
      await refused('LEDGER_FORBIDDEN', call(doctor, 'reportMisuse', report(doctor.ref)))
      await refused('LEDGER_FORBIDDEN', call(a.admin, 'reportMisuse', report(doctor.ref)))
      for (const wrong of [
        { ...report(doctor.ref), code: 'He looked' },
        { ...report(doctor.ref), text: 'x' },
        { ...report(doctor.ref), evidence: ['x'] },
        report(newRef(crypto, 'p')),
      ]) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'reportMisuse', wrong))
      }
    })

    test('somebody without reports has an empty list; what is no reference is refused', async () => {
      const { ask } = world()
      const ref = newRef(crypto, 'd')
      assert.deepEqual(await misuseOf(ref), { ref, flagged: false, reports: [] })
      await refused('LEDGER_BAD_ARGUMENT', ask('misuseOf', ''))
    })
  })
}
