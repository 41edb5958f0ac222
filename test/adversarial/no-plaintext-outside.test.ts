/**
 * Words that a record, its file, its patient and its readers' questions carry are put everywhere a word can be put, and
 * then looked for everywhere outside the protected area: the disks of the host, the hospital and the ledger, logs,
 * error texts, metrics, and every byte on the wires to the record server. The trusted application runs in a process of
 * its own. Threat model T2.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import { HttpTransport, StreamTransport, type DoctorClient } from '../../clients/sdk/src/index.ts'
import { encodeUtf8 } from '../../shared/crypto/src/index.ts'
import {
  bundleTee,
  openScene,
  refusedWith,
  searchBytes,
  searchFolder,
  sealedBy,
  handmadeUpload,
  storeEnvelope,
  tap,
  tappedSockets,
  type BundledTee,
  type Scene,
  type Tap,
} from '../../testkit/src/world/index.ts'

let tee: BundledTee
let scene: Scene
let wire: Tap
/** Alice over HTTP and over a stream, with somebody on both wires. */
let alice: DoctorClient
let streaming: DoctorClient
/** Every error that a client was given, as whoever logs it would write it. */
const errors: string[] = []

before(async () => {
  tee = await bundleTee()
  scene = await openScene({ tee })
  const { world } = scene
  wire = await tap(world.server.url, 'the record server', world.traffic)
  const http = new HttpTransport(wire.url, fetch)
  alice = await world.doctor('alice', {}, { transport: http })
  const stream = new StreamTransport(world.server.url, http, tappedSockets(world.traffic))
  streaming = await world.doctor('alice', {}, { transport: stream })
})
after(async () => {
  await wire?.close()
  await scene?.world.close()
  tee?.remove()
})

/** A word of letters and digits, as the index of the store keeps it. */
function word(): string {
  const text = `canary${Buffer.from(scene.world.crypto.randomBytes(12)).toString('hex')}`
  return scene.world.canary(text)
}

async function refused(work: Promise<unknown>, ...codes: readonly string[]): Promise<void> {
  await assert.rejects(work, (error) => {
    errors.push(inspect(error, { depth: 10 }), String((error as Error).stack), JSON.stringify(error))
    return refusedWith(...codes)(error)
  })
}

/** A document with a file: name, content, narrative, identifier. */
function documentOf(texts: Readonly<Record<'title' | 'file' | 'narrative' | 'identifier' | 'description', string>>) {
  return encodeUtf8(
    JSON.stringify({
      resourceType: 'DocumentReference',
      status: 'current',
      text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${texts.narrative}</div>` },
      identifier: [{ system: 'urn:example', value: texts.identifier }],
      description: texts.description,
      content: [
        {
          attachment: {
            contentType: 'text/plain',
            title: `${texts.title}.pdf`,
            data: Buffer.from(`a file about ${texts.file} and more`).toString('base64'),
          },
        },
      ],
    }),
  )
}

const newDocument = () =>
  documentOf({ title: word(), file: word(), narrative: word(), identifier: word(), description: word() })

test('words are stored, corrected, read, listed and searched, over both kinds of wire', async () => {
  const { bob, warrant } = scene
  for (const doctor of [alice, streaming]) {
    const first = await doctor.store({ patient: bob.ref, warrant, ehr: newDocument() })
    const answer = await doctor.read(first.recordId)
    await doctor.correct(answer, bob.ref, newDocument(), warrant)
    await doctor.storeMany([1, 2].map(() => ({ patient: bob.ref, warrant, ehr: newDocument() })))
    await doctor.list(bob.ref)
    await doctor.versions(first.recordId)
    const note = word()
    await doctor.store({
      patient: bob.ref,
      warrant,
      ehr: encodeUtf8(JSON.stringify({ resourceType: 'Basic', code: { text: note } })),
    })
    assert.equal((await doctor.search({ patient: bob.ref, text: note })).items.length, 1)
    assert.equal((await doctor.search({ patient: bob.ref, text: word() })).items.length, 0)
  }
})

test('words in permissions, names, reasons and appointments', async () => {
  const { world, bob } = scene
  const name = word()
  await world.permit(bob, [alice], { aux: word() })
  const eve = await world.patient(name)
  await eve.records()
  const nadia = await world.doctor('nadia', { emergency: true }, { transport: new HttpTransport(wire.url, fetch) })
  await nadia.openEmergency(bob.ref, 'other', `because of ${word()}`)
  await nadia.list(bob.ref)
  const fromMs = world.clock.nowMs() + 86_400_000
  await bob.book({ department: 'Cardiology', fromMs, symptoms: word(), aux: word(), doctors: [alice.ref] })
})

test('words in what is refused', async () => {
  const { bob, warrant } = scene
  const store = async (text: string) => {
    const { envelope } = await handmadeUpload(alice, { patient: bob.ref, warrant, ehr: encodeUtf8(text) })
    await storeEnvelope(alice, envelope)
  }
  await refused(store(`{"resourceType":"Observation","note":"${word()}"`), 'RECORD_NOT_FHIR')
  await refused(store(`{"resourceType":"${word()}"}`), 'RECORD_NOT_FHIR')
  await refused(store(`{"resourceType":"Basic","${word()}":1,"${word()}":`), 'RECORD_NOT_FHIR')
  const garbled = await sealedBy(alice, bob.ref, encodeUtf8(`no CBOR but ${word()}`))
  await refused(storeEnvelope(alice, garbled), 'CBOR_MALFORMED')
  const imaging = (await scene.world.permit(bob, [alice], { scope: ['imaging'] })).warrant
  await refused(alice.store({ patient: bob.ref, warrant: imaging, ehr: newDocument() }), 'WARRANT_SCOPE_EXCEEDED')
  await refused(alice.session.request('record.search', { patient: word() }), 'MESSAGE_MALFORMED')
  await refused(alice.session.request(word()), 'TEE_UNKNOWN_COMMAND')
  const omar = await scene.world.doctor('omar', { hospital: 'b' })
  await refused(omar.search({ patient: bob.ref, text: word() }), 'ACCESS_DENIED')
})

test('words that were erased, and a store that was closed and opened again', async () => {
  const { world, bob, warrant } = scene
  const { recordId } = await alice.store({ patient: bob.ref, warrant, ehr: newDocument() })
  const { commitment } = await bob.read(recordId)
  await bob.erase(recordId, commitment.ehrHash)
  await refused(bob.read(recordId), 'RECORD_ERASED')
  await world.server.restart()
  await world.server.serving()
  await alice.list(bob.ref)
})

test('none of them is on a disk, in a log, in an error, in the metrics or on a wire', async () => {
  const { world } = scene
  const texts = [...world.canaries]
  assert.ok(texts.length > 50)
  const { findings, files, bytes } = searchFolder(world.folder, texts)
  assert.deepEqual([...findings, ...world.traffic.search(texts)], [])
  assert.ok(files > 8 && bytes > 500_000, `${files} files, ${bytes} bytes`)

  assert.ok(errors.length >= 9 * 3)
  assert.deepEqual(searchBytes('errors', encodeUtf8(errors.join('\n')), texts), [])
  const faults = world.faults.map((fault) => inspect(fault, { depth: 10 })).join('\n')
  assert.deepEqual(searchBytes('faults', encodeUtf8(faults), texts), [])

  const { url } = world.server
  const { hospitalUrl } = world.surroundings('a')
  const open = [`${url}/metrics`, `${hospitalUrl}/metrics`, `${world.ledger.url}/metrics`, `${url}/v1/status`]
  for (const address of open) {
    const text = await (await fetch(address)).text()
    assert.ok(text.length > 100, address)
    assert.deepEqual(searchBytes(address, encodeUtf8(text), texts), [])
  }
})

test('the search finds what is there: it looked where it should', () => {
  const { world, bob } = scene
  // Pseudonyms stand on the ledger, and in no log and on no wire to the record server.
  assert.ok(searchFolder(world.ledgerFolder, [bob.ref]).findings.length > 0)
  const found = (text: string) => new Set(world.traffic.search([text]).map(({ where }) => where))
  assert.ok(found('POST /v1/session/records').has('wire to the record server'))
  assert.ok(found('HTTP/1.1 200 OK').has('wire from the record server'))
  assert.ok(found('/v1/session/records').has('logs'))
  assert.ok(world.traffic.lines > 20)
  assert.deepEqual([...found(bob.ref)], [])
  assert.ok(errors.some((text) => text.includes('RECORD_NOT_FHIR')))
})

test('after all that everything is as it was', async () => {
  const { records, erased } = await scene.world.verifyEverything()
  assert.ok(records > 8)
  assert.equal(erased, 1)
})
