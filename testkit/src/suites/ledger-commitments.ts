/**
 * Batches of commitments, and checkpoints of servers.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  anchorCallOf,
  batchRecordShape,
  checkpointPageShape,
  checkpointRecordShape,
  type CommitGroup,
  commitmentLeavesShape,
  commitmentRecordShape,
  commitmentRecordsShape,
  commitResultShape,
  logOriginOf,
  PAGE_ITEMS,
  parseResult,
  participantRecordShape,
  serverNoteKeys,
  signAnchorStatement,
  signKeyHandover,
} from '../../../shared/ledger-model/src/index.ts'
import { encodeBase64url, encodeHex, type SigningKey } from '../../../shared/crypto/src/index.ts'
import {
  commitmentFromJson,
  commitmentLeaf,
  newId,
  newRef,
  type ServerRef,
} from '../../../shared/protocol/src/index.ts'
import { signCheckpoint } from '../../../shared/tlog/src/index.ts'
import { CommitmentIndex } from '../../../ledger/client/src/commitment-index.ts'
import { issueCertificate, registrationOf } from '../consortium.ts'
import { commitGroup, crypto, groupsText, HASH, type LedgerWorld, refused } from './ledger-world.ts'

export function describeCommitments(world: () => LedgerWorld): void {
  const patient = newRef(crypto, 'p')

  describe('commit', () => {
    test('items of several authors are numbered through and found alone, together and as a batch', async () => {
      const { call, ledger, a, b, register } = world()
      const doctor = await register(b, 'doctor')
      const groups = [commitGroup(doctor, patient, 2), commitGroup(a.hospital, patient), commitGroup(doctor, patient)]
      const batchId = newId(crypto, 'b')
      const result = await call(a.hospital, 'commit', batchId, groupsText(...groups))
      const { count, txId, timeMs } = commitResultShape(result, 'result')
      assert.equal(count, 4)
      assert.equal((await ledger.transaction(txId))?.timeMs, timeMs)

      const batch = parseResult(await ledger.query({ fn: 'batch', args: [batchId] }), batchRecordShape)
      assert.deepEqual(batch, { batchId, by: a.hospital.ref, count, groups, timeMs, txId })
      const expected = groups
        .flatMap(({ author, items }) => items.map((item) => ({ ...item, author })))
        .map((item, index) => ({ ...item, batchId, index, txId, timeMs }))
      const one = parseResult(await ledger.query({ fn: 'commitment', args: [batchId, '2'] }), commitmentRecordShape)
      assert.deepEqual(one, expected[2])
      const places = JSON.stringify([3, 0].map((index) => [batchId, index]))
      const two = parseResult(await ledger.query({ fn: 'commitments', args: [places] }), commitmentRecordsShape)
      assert.deepEqual(two, [expected[3], expected[0]])
      const leaves = parseResult(await ledger.query({ fn: 'commitmentLeaves', args: [places] }), commitmentLeavesShape)
      const leafOf = (at: number) => {
        const item = groups.flatMap(({ items }) => items)[at]
        return encodeHex(commitmentLeaf(crypto, commitmentFromJson(item)))
      }
      assert.deepEqual(leaves, [
        [leafOf(3), txId],
        [leafOf(0), txId],
      ])
    })

    test('a server and the author itself may commit', async () => {
      const { call, a, b, register } = world()
      const doctor = await register(b, 'doctor')
      const server = await register(a, 'server')
      await call(server, 'commit', newId(crypto, 'b'), groupsText(commitGroup(doctor, patient)))
      await call(doctor, 'commit', newId(crypto, 'b'), groupsText(commitGroup(doctor, patient)))
    })

    test('a batch of 1,000 is taken, and is the last that is', async () => {
      const { call, a } = world()
      const batchId = newId(crypto, 'b')
      const group = commitGroup(a.hospital, patient, 1_000)
      const result = await call(a.hospital, 'commit', batchId, groupsText(group))
      assert.equal(commitResultShape(result, 'result').count, 1_000)
      const more = groupsText(group, commitGroup(a.hospital, patient))
      await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'commit', newId(crypto, 'b'), more))
    })

    test('repeating it changes nothing and names the first transaction; other content is refused', async () => {
      const { call, a, b } = world()
      const batchId = newId(crypto, 'b')
      const group = groupsText(commitGroup(a.hospital, patient))
      const first = await call(a.hospital, 'commit', batchId, group)
      assert.deepEqual(await call(b.hospital, 'commit', batchId, group), first)
      const other = groupsText(commitGroup(a.hospital, patient))
      await refused('BATCH_DIFFERENT', call(a.hospital, 'commit', batchId, other))
    })

    test('refused: signatures that are not the author’s over these items in this order', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      const group = commitGroup(doctor, patient, 2)
      const [first, second] = group.items as [CommitGroup['items'][0], CommitGroup['items'][0]]
      const hash = commitGroup(doctor, patient).items[0]?.ehrHash ?? first.ehrHash
      const wrong: Record<string, CommitGroup> = {
        'another order': { ...group, items: [second, first] },
        'an item less': { ...group, items: [first] },
        'an item changed': { ...group, items: [first, { ...second, ehrHash: hash }] },
        'another’s signature': { ...group, signature: commitGroup(a.hospital, patient).signature },
        'another version': { ...group, items: [first, { ...second, version: 2, previous: hash }] },
      }
      for (const [what, changed] of Object.entries(wrong)) {
        const attempt = call(a.hospital, 'commit', newId(crypto, 'b'), groupsText(changed))
        await refused('COMMIT_SIGNATURE_INVALID', attempt, what)
      }
    })

    test('refused: a tag of another author', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      const stolen = { ...commitGroup(doctor, patient), author: a.hospital.ref }
      await refused('COMMIT_TAG_MISMATCH', call(a.hospital, 'commit', newId(crypto, 'b'), groupsText(stolen)))
    })

    test('refused: authors that are unknown or suspended, a key that was replaced', async () => {
      const { call, a, register } = world()
      const commit = (group: CommitGroup) => call(a.hospital, 'commit', newId(crypto, 'b'), groupsText(group))
      const nobody = await issueCertificate(a.authority, 'doctor')
      await refused('PARTICIPANT_UNKNOWN', commit(commitGroup(nobody, patient)))
      const doctor = await register(a, 'doctor')
      await call(a.admin, 'suspendParticipant', doctor.ref, 'code')
      await refused('PARTICIPANT_SUSPENDED', commit(commitGroup(doctor, patient)))
      await call(a.admin, 'reinstateParticipant', doctor.ref, 'code')
      const renewed = await issueCertificate(a.authority, 'doctor', { ref: doctor.ref })
      await call(a.admin, 'renewParticipant', registrationOf(renewed))
      await refused('COMMIT_SIGNATURE_INVALID', commit(commitGroup(doctor, patient)))
      await commit(commitGroup(renewed, patient))
    })

    test('refused: a doctor who commits for others, and other roles', async () => {
      const { call, a, register } = world()
      const doctor = await register(a, 'doctor')
      const auditor = await register(a, 'auditor')
      const group = groupsText(commitGroup(a.hospital, patient))
      for (const caller of [doctor, auditor, a.admin]) {
        await refused('LEDGER_FORBIDDEN', call(caller, 'commit', newId(crypto, 'b'), group))
      }
      const unregistered = await issueCertificate(a.authority, 'hospital')
      await refused('PARTICIPANT_UNKNOWN', call(unregistered, 'commit', newId(crypto, 'b'), group))
    })

    test('refused: any text but the one form of a batch', async () => {
      const { call, a } = world()
      const group = commitGroup(a.hospital, patient)
      const text = groupsText(group)
      const wrong: Record<string, unknown> = {
        'no JSON': '[',
        nothing: '[]',
        'white space': text.replace(',', ', '),
        'another order of members': [group],
        'a member twice': text.replace('{"author":', `{"author":"${a.hospital.ref}","author":`),
        'an unknown member': text.replace('{"author":', '{"a":1,"author":'),
        'an escaped letter': text.replace('"author"', '"\\u0061uthor"'),
        'a group without items': groupsText({ ...group, items: [] }),
        'a first version with a predecessor': text.replace('"previous":""', `"previous":"${'ab'.repeat(32)}"`),
        'a later version without one': text.replace('"version":1', '"version":2'),
        'version 0': text.replace('"version":1', '"version":0'),
        'a patient as author': text.replace(a.hospital.ref, newRef(crypto, 'p')),
        'a short signature': groupsText({ ...group, signature: group.signature.slice(2) }),
        'a digest in upper case': text.replace(group.items[0]?.ehrHash ?? '', 'AB'.repeat(32)),
      }
      for (const [what, value] of Object.entries(wrong)) {
        await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'commit', newId(crypto, 'b'), value), what)
      }
      await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'commit', 'b-1', text))
    })
  })

  describe('batch, commitment, commitments', () => {
    test('refused: batches that are not there, an index past the end, malformed places', async () => {
      const { call, ask, ledger, a } = world()
      const batchId = newId(crypto, 'b')
      await call(a.hospital, 'commit', batchId, groupsText(commitGroup(a.hospital, patient)))
      const unknown = newId(crypto, 'b')
      await refused('BATCH_NOT_FOUND', ask('batch', unknown))
      await refused('BATCH_NOT_FOUND', ask('commitment', unknown, '0'))
      await refused('BATCH_NOT_FOUND', ask('commitment', batchId, '1'))
      await refused(
        'BATCH_NOT_FOUND',
        ask('commitments', [
          [batchId, 0],
          [unknown, 0],
        ]),
      )
      await refused('BATCH_NOT_FOUND', ask('commitments', [[batchId, 1]]))
      const [first, ...missing] = parseResult(
        await ledger.query({
          fn: 'commitmentLeaves',
          args: [
            JSON.stringify([
              [batchId, 0],
              [batchId, 1],
              [unknown, 0],
            ]),
          ],
        }),
        commitmentLeavesShape,
      )
      assert.match(first?.[0] ?? '', /^[0-9a-f]{64}$/)
      assert.deepEqual(missing, [null, null])
      for (const wrong of [[], [[batchId]], [[batchId, -1]], [[batchId, 0, 0]], [['x', 0]], '{}']) {
        await refused('LEDGER_BAD_ARGUMENT', ask('commitments', wrong))
        await refused('LEDGER_BAD_ARGUMENT', ask('commitmentLeaves', wrong))
      }
      const many = Array.from({ length: 1_001 }, () => [batchId, 0])
      await refused('LEDGER_BAD_ARGUMENT', ask('commitments', many))
      await refused('LEDGER_BAD_ARGUMENT', ask('commitment', batchId, '00'))
      await refused('LEDGER_BAD_ARGUMENT', ask('batch', 'x'))
    })
  })

  describe('anchorCheckpoint, checkpoint, checkpointHistory', () => {
    type Server = Awaited<ReturnType<LedgerWorld['register']>>
    const note = (server: Server, size: number, root = crypto.sha256(Uint8Array.of(size % 256)), origin?: string) =>
      signCheckpoint(crypto, server.signingKey, {
        origin: origin ?? logOriginOf(server.ref as never),
        size,
        root,
        extensions: [],
      })
    /** The arguments of a statement by `server`, signed with its key or another. */
    const statementOf = (server: Server, checkpoint: string, epoch: number, key = server.signingKey) => {
      const statement = { serverRef: server.ref as ServerRef, checkpoint, epoch }
      return anchorCallOf(statement, signAnchorStatement(crypto, key, statement)).args
    }
    const anchor = (server: Server, text: string, epoch: number) =>
      world().call(world().a.hospital, 'anchorCheckpoint', ...statementOf(server, text, epoch))

    test('each follows the one before; the newest is answered, all are kept', async () => {
      const { ledger, a, register } = world()
      const server = await register(a, 'server')
      const notes = [note(server, 3), note(server, 3), note(server, 8)]
      for (const [i, text] of notes.entries()) await anchor(server, text, i + 1)
      const newest = parseResult(await ledger.query({ fn: 'checkpoint', args: [server.ref] }), checkpointRecordShape)
      assert.deepEqual([newest.epoch, newest.size, newest.checkpoint], [3, 8, notes[2]])
      const page = parseResult(
        await ledger.query({ fn: 'checkpointHistory', args: [server.ref, ''] }),
        checkpointPageShape,
      )
      assert.deepEqual(
        page.items.map(({ epoch, checkpoint }) => [epoch, checkpoint]),
        notes.map((text, i) => [i + 1, text]),
      )
      assert.equal(page.bookmark, '')
    })

    test('a server that repeats itself gets the same answer', async () => {
      const { a, register } = world()
      const server = await register(a, 'server')
      const text = note(server, 3)
      const first = await anchor(server, text, 1)
      assert.deepEqual(await anchor(server, text, 1), first)
    })

    test('the history comes in pages, in order', async () => {
      const { ledger, a, register } = world()
      const server = await register(a, 'server')
      for (let epoch = 1; epoch <= PAGE_ITEMS + 1; epoch++) await anchor(server, note(server, epoch), epoch)
      const page = async (bookmark: string) =>
        parseResult(await ledger.query({ fn: 'checkpointHistory', args: [server.ref, bookmark] }), checkpointPageShape)
      const first = await page('')
      const second = await page(first.bookmark)
      const epochs = [...first.items, ...second.items].map(({ epoch }) => epoch)
      assert.deepEqual(
        epochs,
        Array.from({ length: PAGE_ITEMS + 1 }, (_, i) => i + 1),
      )
    })

    test('refused: an epoch that does not follow, a smaller log, another root at one size', async () => {
      const { a, register } = world()
      const server = await register(a, 'server')
      await refused('CHECKPOINT_EPOCH', anchor(server, note(server, 5), 2))
      await anchor(server, note(server, 5), 1)
      await refused('CHECKPOINT_EPOCH', anchor(server, note(server, 6), 1))
      await refused('CHECKPOINT_EPOCH', anchor(server, note(server, 6), 3))
      await refused('CHECKPOINT_SMALLER', anchor(server, note(server, 4), 2))
      await refused('CHECKPOINT_FORKED', anchor(server, note(server, 5, crypto.randomBytes(32)), 2))
    })

    test('a smaller log is taken where the server’s organisation gave that very checkpoint up, from the agreed size on', async () => {
      const { call, a, b, register } = world()
      const server = await register(a, 'server')
      await anchor(server, note(server, 5), 1)
      await anchor(server, note(server, 9), 2)
      const vote = (caller: LedgerWorld['a']['admin'], term: number, epoch: number) => {
        const from = { epoch, size: 4, root: HASH }
        return call(caller, 'approveSuccession', server.ref, { term, instance: HASH, from })
      }
      await vote(b.admin, 1, 2)
      await vote(a.admin, 1, 1)
      await refused('CHECKPOINT_SMALLER', anchor(server, note(server, 4), 3))
      await vote(a.admin, 2, 2)
      await refused('CHECKPOINT_SMALLER', anchor(server, note(server, 3), 3))
      await refused('CHECKPOINT_EPOCH', anchor(server, note(server, 4), 2))
      await anchor(server, note(server, 6), 3)
      // The leave was for the checkpoint of that epoch.
      await refused('CHECKPOINT_SMALLER', anchor(server, note(server, 4), 4))
      await refused('CHECKPOINT_FORKED', anchor(server, note(server, 6, crypto.randomBytes(32)), 4))
    })

    test('a server’s next key is named by the one before, which is believed up to the next one’s first checkpoint', async () => {
      const { ledger, call, a, register } = world()
      const server = await register(a, 'server')
      const next = await issueCertificate(a.authority, 'server', { ref: server.ref })
      const stranger = await register(a, 'server')
      const registration = registrationOf(next)
      const signedBy = (key: SigningKey, of = next.signingKey.publicKey) =>
        encodeBase64url(signKeyHandover(crypto, key, { serverRef: server.ref, next: of }))
      const renew = (handover?: string) => {
        const details = { ...registration.server, ...(handover === undefined ? {} : { handover }) }
        return call(a.admin, 'renewParticipant', { ...registration, server: details })
      }
      const keysOf = async () => {
        const text = await ledger.query({ fn: 'participant', args: [server.ref] })
        return serverNoteKeys(crypto, parseResult(text, participantRecordShape)).map(({ key, maxSize }) => [
          encodeBase64url(key.publicKey),
          maxSize,
        ])
      }
      await anchor(server, note(server, 5), 1)
      for (const handover of [
        undefined,
        signedBy(stranger.signingKey),
        signedBy(next.signingKey),
        signedBy(server.signingKey, stranger.signingKey.publicKey),
      ]) {
        await refused('KEY_HANDOVER_INVALID', renew(handover))
      }
      await renew(signedBy(server.signingKey))
      const [before, after] = [server, next].map(({ signingKey }) => encodeBase64url(signingKey.publicKey))
      assert.deepEqual(await keysOf(), [
        [after, undefined],
        [before, undefined],
      ])
      // The old key anchors nothing any more.
      await refused('CHECKPOINT_INVALID', anchor(server, note(server, 6), 2))
      await anchor(next, note(next, 7), 2)
      await anchor(next, note(next, 9), 3)
      assert.deepEqual(await keysOf(), [
        [after, undefined],
        [before, 7],
      ])
    })

    test('without the key before only for a store that goes on from an agreed earlier moment', async () => {
      const { call, a, register } = world()
      const server = await register(a, 'server')
      const restored = await issueCertificate(a.authority, 'server', { ref: server.ref })
      await anchor(server, note(server, 5), 1)
      await refused('KEY_HANDOVER_INVALID', call(a.admin, 'renewParticipant', registrationOf(restored)))
      const from = { epoch: 1, size: 4, root: HASH }
      await call(a.admin, 'approveSuccession', server.ref, { term: 1, instance: HASH, from })
      await call(a.admin, 'renewParticipant', registrationOf(restored))
      await anchor(restored, note(restored, 4), 2)
      await refused('KEY_HANDOVER_INVALID', call(a.admin, 'renewParticipant', registrationOf(server)))
    })

    test('refused: notes that are malformed, of another log, or not signed by the server', async () => {
      const { a, register } = world()
      const server = await register(a, 'server')
      const other = await register(a, 'server')
      const unsigned = { ...server, signingKey: other.signingKey }
      await refused('CHECKPOINT_INVALID', anchor(server, 'no note', 1))
      await refused('CHECKPOINT_INVALID', anchor(server, note(other, 3), 1))
      await refused('CHECKPOINT_INVALID', anchor(server, note(unsigned, 3), 1))
      await refused('CHECKPOINT_INVALID', anchor(server, note(server, 3, undefined, 'trusthealth/other'), 1))
    })

    test('whoever brings it: any member of any organisation', async () => {
      const { call, a, b, register } = world()
      const server = await register(a, 'server')
      const member = await issueCertificate(b.authority, 'member')
      for (const [i, caller] of [server, a.admin, b.hospital, member].entries()) {
        await call(caller, 'anchorCheckpoint', ...statementOf(server, note(server, i + 1), i + 1))
      }
    })

    test('refused: a statement that the server did not sign so', async () => {
      const { call, a, register } = world()
      const server = await register(a, 'server')
      const other = await register(a, 'server')
      const text = note(server, 3)
      const [ref = '', , , signature = ''] = statementOf(server, text, 1)
      const wrong: Record<string, readonly string[]> = {
        'another key': statementOf(server, text, 1, other.signingKey),
        'another epoch': [ref, text, '2', signature],
        'another note of the server': [ref, note(server, 4), '1', signature],
        'another server': [other.ref, text, '1', signature],
        'no signature': [ref, text, '1', 'A'.repeat(86)],
      }
      for (const [what, args] of Object.entries(wrong)) {
        await refused('CHECKPOINT_INVALID', call(a.hospital, 'anchorCheckpoint', ...args), what)
      }
    })

    test('refused: servers that are unknown, suspended, or whose certificate was revoked or has ended', async () => {
      const { call, a, register } = world()
      const nobody = await issueCertificate(a.authority, 'server')
      await refused('PARTICIPANT_UNKNOWN', anchor(nobody, note(nobody, 3), 1))
      const server = await register(a, 'server')
      await call(a.admin, 'suspendParticipant', server.ref, 'code')
      await refused('PARTICIPANT_SUSPENDED', anchor(server, note(server, 3), 1))
      await call(a.admin, 'reinstateParticipant', server.ref, 'code')
      await call(a.admin, 'revokeCertificate', server.certSerial, 'lost')
      await refused('LEDGER_IDENTITY_REJECTED', anchor(server, note(server, 3), 1))
      const period = { notBeforeMs: Date.now() - 2_000_000, notAfterMs: Date.now() - 1_000_000 }
      const ended = await issueCertificate(a.authority, 'server', period)
      await call(a.admin, 'registerParticipant', registrationOf(ended))
      await refused('LEDGER_IDENTITY_REJECTED', anchor(ended, note(ended, 3), 1))
    })

    test('refused: malformed arguments, servers without a checkpoint', async () => {
      const { call, ask, a, register } = world()
      const server = await register(a, 'server')
      const [ref = '', text = '', epoch = '', signature = ''] = statementOf(server, note(server, 3), 1)
      const wrong = [
        ['s-1', text, epoch, signature],
        [ref, text, '0', signature],
        [ref, text, '01', signature],
        [ref, 'x'.repeat(10_000), epoch, signature],
        [ref, text, epoch, signature.slice(2)],
        [ref, text, epoch, `${signature}A`],
        [ref, text, epoch],
      ]
      for (const args of wrong) await refused('LEDGER_BAD_ARGUMENT', call(a.hospital, 'anchorCheckpoint', ...args))
      await refused('CHECKPOINT_NOT_FOUND', ask('checkpoint', server.ref))
      await refused('LEDGER_BAD_ARGUMENT', ask('checkpoint', a.hospital.ref))
      assert.deepEqual(await ask('checkpointHistory', server.ref, ''), { items: [], bookmark: '' })
      await refused('LEDGER_BAD_ARGUMENT', ask('checkpointHistory', 's-1', ''))
    })
  })

  describe('index of commitments', () => {
    test('a reader finds its own entries and the newest version, by following the blocks', async () => {
      const { call, ledger, a, register } = world()
      const doctor = await register(a, 'doctor')
      const groups = [commitGroup(doctor, patient, 2), commitGroup(a.hospital, newRef(crypto, 'p'))]
      const batchId = newId(crypto, 'b')
      await call(a.hospital, 'commit', batchId, groupsText(...groups))
      await call(a.hospital, 'commit', batchId, groupsText(...groups))
      const [first, second, third] = groups.flatMap(({ items }) => items)
      assert.ok(first !== undefined && second !== undefined && third !== undefined)

      const index = CommitmentIndex.open()
      const stop = new AbortController()
      const wanted = await ledger.height()
      for await (const block of ledger.blocks(0, { signal: stop.signal })) {
        index.apply(block)
        if (index.height === wanted) break
      }
      const found = index.ofDoctorTag(first.doctorTag)
      assert.deepEqual(
        found.map(({ recordId, index: place }) => [recordId, place]),
        [
          [first.recordId, 0],
          [second.recordId, 1],
        ],
      )
      assert.ok(index.ofPatientTag(first.patientTag).length >= 2)
      const newest = index.newest(third.recordId, third.patientTag)
      assert.deepEqual([newest?.batchId, newest?.index, newest?.version], [batchId, 2, 1])
      assert.equal(index.newest(third.recordId, first.patientTag), undefined)
      const { block, txId } = found[0] as NonNullable<(typeof found)[0]>
      assert.equal((await ledger.transaction(txId))?.block, block)
    })
  })
}
