import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { decodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { parseResource } from '../../../../shared/fhir/src/index.ts'
import { deriveTreatmentKey, newRef, type ErrorCode, type RecordId } from '../../../../shared/protocol/src/index.ts'
import { prepareRecord, type Author, type NewRecord, type PreparedRecord } from '../../../sdk/src/author.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import { importFile, type ImportOptions, type ImportTarget } from './importer.ts'
import { isBad, readItems, type ImportItem } from './items.ts'
import { ImportJournal } from './journal.ts'
import { PatientNames } from './patient-names.ts'
import { importTarget, patientFacts } from './targets.ts'

const crypto = createNodeCrypto()
const folder = mkdtempSync(join(tmpdir(), 'trusthealth-import-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const observation = (patient: string, value: number) =>
  JSON.stringify({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: patient },
    valueInteger: value,
  })
const patientText = (id: string, family = 'Li') =>
  JSON.stringify({ resourceType: 'Patient', id, name: [{ family, given: ['Bob'] }], birthDate: '1962-03-03' })
const bundleText = (...entries: object[]) =>
  JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: entries })
const entry = (text: string, fullUrl?: string) => ({
  ...(fullUrl === undefined ? {} : { fullUrl }),
  resource: JSON.parse(text) as object,
})

let files = 0
function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, `${files++}-${name}`)
  writeFileSync(path, content)
  return path
}

async function itemsOf(path: string): Promise<ImportItem[]> {
  const items: ImportItem[] = []
  for await (const item of readItems(path, 'file')) items.push(item)
  return items
}

const BAD_LINES = [
  observation('Patient/1', 1),
  '{"resourceType":"Nonsense"}',
  '',
  'not json',
  observation('Patient/1', 2),
]

test('NDJSON: every line is an item with its number; bad ones have a reason, empty ones are none', async () => {
  for (const path of [
    fileOf('a.ndjson', `${BAD_LINES.join('\n')}\n`),
    fileOf('a.ndjson.gz', gzipSync(BAD_LINES.join('\r\n'))),
  ]) {
    const items = await itemsOf(path)
    assert.deepEqual(
      items.map((item) => [item.position, isBad(item) ? item.code : 'ok']),
      [
        [1, 'ok'],
        [2, 'FHIR_UNKNOWN_RESOURCE_TYPE'],
        [4, 'FHIR_NOT_JSON'],
        [5, 'ok'],
      ],
    )
  }
})

test('the bytes of a record are those of the file', async () => {
  const spaced = `{ "resourceType" : "Observation" , "code":{"text":"é"} }`
  const [line] = await itemsOf(fileOf('b.ndjson', spaced))
  assert.ok(line !== undefined && !isBad(line))
  assert.equal(decodeUtf8(line.bytes), spaced)
  const [inBundle] = await itemsOf(fileOf('b.json', `{"resourceType":"Bundle","entry":[{"resource":${spaced}}]}`))
  assert.ok(inBundle !== undefined && !isBad(inBundle))
  assert.equal(decodeUtf8(inBundle.bytes), spaced)
})

test('a Bundle: entries in order, bad ones among them, references found inside it', async () => {
  const text = bundleText(
    entry(patientText('1'), 'urn:uuid:a'),
    entry('{"resourceType":"Nonsense"}'),
    entry(observation('urn:uuid:a', 1)),
    {},
    entry(JSON.stringify({ resourceType: 'Organization', name: 'x' })),
  )
  const items = await itemsOf(fileOf('c.json', text))
  assert.deepEqual(
    items.map((item) => [item.position, isBad(item) ? item.code : (item.patient ?? 'nobody')]),
    [
      [1, 'urn:uuid:a'],
      [2, 'FHIR_UNKNOWN_RESOURCE_TYPE'],
      [3, 'urn:uuid:a'],
      [5, 'nobody'],
    ],
  )
  const [first] = items
  assert.ok(first !== undefined && !isBad(first))
  assert.deepEqual(first.aliases, ['urn:uuid:a', 'Patient/1'])
})

test('one resource is one item; what is none, and bytes that are no text, are one bad item', async () => {
  const [one] = await itemsOf(fileOf('d.json', `\uFEFF${observation('Patient/1', 1)}`))
  assert.ok(one !== undefined && !isBad(one))
  assert.equal(one.patient, 'Patient/1')
  for (const content of ['[]', '{"resourceType":"Observation"', new Uint8Array([0xff, 0xfe, 0x7b])]) {
    const [bad] = await itemsOf(fileOf('d.json', content))
    assert.ok(bad !== undefined && isBad(bad))
  }
})

test('a file that is not there, and one that is not compressed as its name says, stop the import', async () => {
  await assert.rejects(itemsOf(join(folder, 'none.ndjson')), { code: 'CLIENT_USAGE' })
  await assert.rejects(itemsOf(fileOf('e.ndjson.gz', 'plain')), { code: 'CLIENT_USAGE' })
})

test('names of patients: learned, kept, by any version; another file of the same name is no guess', () => {
  const names = PatientNames.open(folder, 'hospital-a')
  const patient = newRef(crypto, 'p')
  names.learn(['Patient/1', 'urn:uuid:a'], patient)
  const again = PatientNames.open(folder, 'hospital-a')
  assert.equal(again.find('Patient/1/_history/2'), patient)
  assert.equal(again.find('urn:uuid:a'), patient)
  assert.equal(again.find('Patient/2'), undefined)
  assert.equal(PatientNames.open(folder, 'hospital-b').find('Patient/1'), undefined)
})

test('what a front desk writes down of a Patient', () => {
  const facts = (text: string) => patientFacts(parseResource(text))
  assert.deepEqual(facts(patientText('1', 'Berge125')), { name: 'Bob Berge', birthDate: '1962-03-03' })
  assert.deepEqual(facts('{"resourceType":"Patient"}'), { name: 'No name' })
  assert.equal(facts('{"resourceType":"Patient","name":[{"text":"李波"}]}').name, '李波')
  assert.equal(facts('{"resourceType":"Patient","birthDate":"11/14/1962"}').birthDate, undefined)
})

/** An author whose record server and ledger are in memory, and can be away. */
class FakeAuthor {
  readonly patient = newRef(crypto, 'p')
  readonly #ref = newRef(crypto, 'h')
  readonly #key = deriveTreatmentKey(crypto, crypto.randomBytes(32), 1)
  /** Every record that arrived, by id; a repeated one arrives once. */
  readonly stored = new Map<string, PreparedRecord>()
  readonly refusals = new Map<number, ErrorCode>()
  batches = 0
  /** Throws instead of answering, after the batch arrived or before. */
  fail: { readonly code: ErrorCode; readonly when: 'before' | 'after'; times: number } | undefined

  prepare(record: NewRecord): Promise<PreparedRecord> {
    return Promise.resolve(prepareRecord(crypto, this.#key, this.#ref, record, 1_000))
  }

  sendMany(records: readonly PreparedRecord[]) {
    this.batches++
    const { fail } = this
    if (fail !== undefined && fail.times-- > 0) {
      if (fail.when === 'after') for (const one of records) this.stored.set(one.recordId, one)
      return Promise.reject(new ClientError(fail.code))
    }
    return Promise.resolve(
      records.map((one, i) => {
        const code = this.refusals.get(i)
        if (code !== undefined) return { recordId: one.recordId, code }
        this.stored.set(one.recordId, one)
        return { recordId: one.recordId, version: 1 }
      }),
    )
  }
}

function setUp(path: string, author: FakeAuthor, options: Partial<ImportOptions> = {}) {
  const names = PatientNames.open(folder, `hospital-${files++}`)
  names.learn(['Patient/1'], author.patient)
  const target: ImportTarget = {
    ...importTarget({ author: author as unknown as Author, names }),
    warrantFor: () => Promise.resolve('a.b.c'),
  }
  return async () => {
    const journal = await ImportJournal.open(join(folder, `journals-${author.patient}`), path, 'file.ndjson', 'me')
    const signal = new AbortController().signal
    const all = { path, name: 'file.ndjson', target, signal, onProgress: () => undefined, nowMs: () => 1, ...options }
    return { journal, isDone: await importFile({ ...all, journal }) }
  }
}

const lines = (count: number) => Array.from({ length: count }, (_, i) => observation('Patient/1', i)).join('\n')

test('an import stores what is good, refuses what is bad with its place, and is done once', async () => {
  const author = new FakeAuthor()
  author.refusals.set(1, 'WARRANT_SCOPE_EXCEEDED')
  const run = setUp(
    fileOf('f.ndjson', [...BAD_LINES, observation('Patient/9', 1), '{"resourceType":"Location"}'].join('\n')),
    author,
  )
  const { journal, isDone } = await run()
  assert.ok(isDone)
  const { stored, refused, leftOut, position } = journal.state
  assert.deepEqual([stored, leftOut, position], [1, 1, 7])
  assert.deepEqual(
    refused.map((one) => [one.position, one.code]),
    [
      [2, 'FHIR_UNKNOWN_RESOURCE_TYPE'],
      [4, 'FHIR_NOT_JSON'],
      [5, 'WARRANT_SCOPE_EXCEEDED'],
      [6, 'FHIR_UNRESOLVED_PATIENT'],
    ],
  )
  await run()
  assert.equal(author.batches, 1)
})

test('after a crash in the middle it goes on at the next line, and nothing is stored twice', async () => {
  const author = new FakeAuthor()
  const path = fileOf('g.ndjson', lines(450))
  // The answer to the second batch is lost, and the program ends.
  author.fail = { code: 'MESSAGE_MALFORMED', when: 'after', times: 0 }
  const run = setUp(path, author)
  let sent = 0
  const sendMany = author.sendMany.bind(author)
  author.sendMany = (records) => {
    if (++sent === 2) author.fail = { code: 'MESSAGE_MALFORMED', when: 'after', times: 1 }
    return sendMany(records)
  }
  await assert.rejects(run(), { code: 'MESSAGE_MALFORMED' })
  assert.equal(author.stored.size, 400)
  const { journal, isDone } = await run()
  assert.ok(isDone)
  assert.equal(author.stored.size, 450)
  assert.equal(journal.state.stored, 450)
  assert.equal(new Set([...author.stored.keys()] as RecordId[]).size, 450)
})

test('parts that are away are asked again, with the same records', async () => {
  const author = new FakeAuthor()
  author.fail = { code: 'SERVER_UNAVAILABLE', when: 'after', times: 1 }
  const { journal } = await setUp(fileOf('h.ndjson', lines(3)), author)()
  assert.equal(author.batches, 2)
  assert.equal(author.stored.size, 3)
  assert.equal(journal.state.stored, 3)
})

test('it can stop between batches, and after a number of items', async () => {
  const author = new FakeAuthor()
  const path = fileOf('i.ndjson', lines(250))
  const stopped = await setUp(path, author, { maxItems: 40 })()
  assert.equal(stopped.isDone, false)
  assert.equal(stopped.journal.state.position, 40)
  const aborted = new AbortController()
  aborted.abort()
  const second = await setUp(path, author, { signal: aborted.signal })()
  assert.equal(second.isDone, false)
  assert.equal(second.journal.state.position, 240)
  assert.ok((await setUp(path, author)()).isDone)
  assert.equal(author.stored.size, 250)
})

test('a journal is of a content and an importer, not of a name', async () => {
  const journals = join(folder, 'journals')
  const a = fileOf('j.ndjson', 'a')
  const same = fileOf('k.ndjson', 'a')
  const other = fileOf('l.ndjson', 'b')
  ;(await ImportJournal.open(journals, a, 'a', 'me')).finish(1)
  assert.ok((await ImportJournal.open(journals, same, 'same', 'me')).state.isDone)
  assert.ok(!(await ImportJournal.open(journals, other, 'other', 'me')).state.isDone)
  assert.ok(!(await ImportJournal.open(journals, a, 'a', 'another')).state.isDone)
  assert.equal(readdirSync(journals).length, 1)
})
