/** Drafts: encrypted, each for one owner, patient and form; saved in time and never lost to a newer form. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Drafts, DraftSaver, type DraftKey, type DraftStore, type SealedDraft } from './drafts.ts'

function memoryStore(): DraftStore & { readonly drafts: Map<string, SealedDraft> } {
  const drafts = new Map<string, SealedDraft>()
  let key: DraftKey | undefined
  return {
    drafts,
    keyOr: (made) => Promise.resolve((key ??= made)),
    put: (draft) => Promise.resolve(void drafts.set(draft.id, draft)),
    all: () => Promise.resolve([...drafts.values()]),
    find: (id) => Promise.resolve(drafts.get(id)),
    remove: (id) => Promise.resolve(void drafts.delete(id)),
  }
}

const note = { note: 'heart sounds regular' }

test('a draft comes back, also in another tab, and its words are not in the store', async () => {
  const store = memoryStore()
  await new Drafts(store, 'd-1').save('form-1', 'p-1', note, 5)
  const lying = store.drafts.get('form-1')
  assert.ok(lying !== undefined)
  assert.equal(Buffer.from(lying.ciphertext).includes('heart'), false)
  assert.deepEqual(await new Drafts(store, 'd-1').load('form-1'), note)
})

test('a second form does not replace the first', async () => {
  const drafts = new Drafts(memoryStore(), 'd-1')
  await drafts.save('form-1', 'p-1', { note: 'one' }, 1)
  await drafts.save('form-2', 'p-1', { note: 'two' }, 2)
  assert.deepEqual(await drafts.load('form-1'), { note: 'one' })
  assert.deepEqual(
    (await drafts.lines()).map(({ id }) => id),
    ['form-2', 'form-1'],
  )
  await drafts.remove('form-2')
  assert.equal(await drafts.load('form-2'), undefined)
})

test('the key cannot be taken out of the browser', async () => {
  const store = memoryStore()
  await new Drafts(store, 'd-1').save('form-1', 'p-1', note, 1)
  const key = await store.keyOr(undefined as unknown as DraftKey)
  assert.equal(key.extractable, false)
  await assert.rejects(crypto.subtle.exportKey('raw', key), { name: 'InvalidAccessError' })
})

test('refused: the draft of another doctor, one moved to another patient or form, one that was changed', async () => {
  const store = memoryStore()
  const drafts = new Drafts(store, 'd-1')
  await drafts.save('form-1', 'p-1', note, 1)
  const lying = store.drafts.get('form-1') as SealedDraft
  assert.equal(await new Drafts(store, 'd-2').load('form-1'), undefined)
  const bytes = new Uint8Array(lying.ciphertext.slice(0))
  bytes[3] = (bytes[3] ?? 0) ^ 1
  for (const changed of [
    { ...lying, patient: 'p-2' },
    { ...lying, id: 'form-2' },
    { ...lying, owner: 'd-2' },
    { ...lying, ciphertext: bytes.buffer },
  ]) {
    store.drafts.clear()
    store.drafts.set(changed.id, changed)
    assert.equal(await new Drafts(store, changed.owner).load(changed.id), undefined)
  }
})

test('what changes is saved after two seconds, the newest only; flush saves at once', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const saved: string[] = []
    const saver = new DraftSaver<string>((content) => Promise.resolve(void saved.push(content)))
    saver.change('a')
    mock.timers.tick(1_500)
    saver.change('ab')
    mock.timers.tick(499)
    assert.deepEqual(saved, [])
    mock.timers.tick(1)
    await saver.flush()
    assert.deepEqual(saved, ['ab'])
    saver.change('abc')
    await saver.flush()
    assert.deepEqual([saved, saver.isWaiting], [['ab', 'abc'], false])
  } finally {
    mock.timers.reset()
  }
})

test('what could not be saved waits again, and is dropped only when asked to', async () => {
  let fails = true
  const saved: string[] = []
  const saver = new DraftSaver<string>((content) => {
    if (fails) return Promise.reject(new Error('the store is full'))
    saved.push(content)
    return Promise.resolve()
  })
  saver.change('a')
  await assert.rejects(saver.flush(), /full/)
  assert.equal(saver.isWaiting, true)
  fails = false
  await saver.flush()
  assert.deepEqual(saved, ['a'])
  saver.change('b')
  await saver.drop()
  await saver.flush()
  assert.deepEqual(saved, ['a'])
})
