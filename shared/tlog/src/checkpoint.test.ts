import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../crypto/src/node-crypto.ts'
import { encodeUtf8 } from '../../crypto/src/index.ts'
import {
  addSignature,
  type Checkpoint,
  emptyRoot,
  formatCheckpoint,
  formatNote,
  formatVerifierKey,
  leafHash,
  LogError,
  type LogErrorCode,
  logOrigin,
  type NoteKey,
  noteKeyId,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  signCheckpoint,
  signNote,
  verifyNote,
} from './index.ts'

const crypto = createNodeCrypto()
const logKey = crypto.generateSigningKey()
const otherKey = crypto.generateSigningKey()
const ORIGIN = logOrigin('s-000102030405060708090a0b0c0d0e0f')
const root = leafHash(crypto, encodeUtf8('entry'))
const checkpoint: Checkpoint = { origin: ORIGIN, size: 1, root, extensions: [] }
const known = [{ name: ORIGIN, key: crypto.importVerifyingKey(logKey.publicKey) }]
const signed = signCheckpoint(crypto, logKey, checkpoint)
const other = signNote(crypto, otherKey, 'other.example/log', formatCheckpoint(checkpoint))

function signatureLine(name: string, bytes: Uint8Array): string {
  return `\u2014 ${name} ${Buffer.from(bytes).toString('base64')}\n`
}

function refuses(code: LogErrorCode, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof LogError && error.code === code)
}

test('a signed checkpoint opens with its key and gives back what was signed', () => {
  const opened = openCheckpoint(crypto, signed, ORIGIN, known)
  assert.deepEqual(opened.checkpoint, checkpoint)
  assert.deepEqual(opened.signedBy, known)
  assert.equal(formatNote(opened.note), signed)
  const lines = signed.split('\n')
  assert.deepEqual(lines.slice(0, 2), ['trusthealth/s-000102030405060708090a0b0c0d0e0f', '1'])
  assert.equal(lines[4]?.startsWith(`\u2014 ${ORIGIN} `), true)
})

test('every change of one character of a signed checkpoint is refused', () => {
  for (let i = 0; i < signed.length; i++) {
    for (const put of ['', 'A', '0', '\n', signed[i] === 'z' ? 'y' : 'z']) {
      if (put === signed[i]) continue
      const changed = signed.slice(0, i) + put + signed.slice(i + 1)
      assert.throws(() => openCheckpoint(crypto, changed, ORIGIN, known), LogError, `at ${i}`)
    }
  }
})

test('signatures of unknown keys are ignored, also when they stand first or share the name', () => {
  const note = parseNote(signed)
  const namesake = signNote(crypto, otherKey, ORIGIN, note.text)
  for (const signatures of [
    [other, ...note.signatures],
    [...note.signatures, other],
    [namesake, ...note.signatures],
  ]) {
    const opened = openCheckpoint(crypto, formatNote({ text: note.text, signatures }), ORIGIN, known)
    assert.equal(opened.signedBy.length, 1)
  }
})

test('all known keys that signed are named, in the order in which they are known', () => {
  const note = addSignature(parseNote(signed), other)
  const second = { name: 'other.example/log', key: crypto.importVerifyingKey(otherKey.publicKey) }
  assert.deepEqual(verifyNote(crypto, note, [second, ...known]), [second, ...known])
  assert.deepEqual(verifyNote(crypto, note, [second]), [second])
})

test('a checkpoint that no known key signed is refused', () => {
  const stranger = { name: ORIGIN, key: crypto.importVerifyingKey(otherKey.publicKey) }
  const renamed = { name: 'other', key: known[0]!.key }
  refuses('LOG_SIGNATURE_MISSING', () => openCheckpoint(crypto, signed, ORIGIN, [stranger]))
  refuses('LOG_SIGNATURE_MISSING', () => openCheckpoint(crypto, signed, ORIGIN, [renamed]))
  refuses('LOG_SIGNATURE_MISSING', () => openCheckpoint(crypto, signed, ORIGIN, []))
})

test('a key that was exchanged signs checkpoints up to its size and no larger one, whoever else signed', () => {
  const [{ name, key }] = known as [NoteKey]
  const until = (maxSize: number) => [{ name, key, maxSize }]
  assert.equal(openCheckpoint(crypto, signed, ORIGIN, until(checkpoint.size)).checkpoint.size, checkpoint.size)
  refuses('LOG_KEY_ENDED', () => openCheckpoint(crypto, signed, ORIGIN, until(checkpoint.size - 1)))
  const both = formatNote(addSignature(parseNote(signed), other))
  const second = { name: other.name, key: crypto.importVerifyingKey(otherKey.publicKey) }
  refuses('LOG_KEY_ENDED', () => openCheckpoint(crypto, both, ORIGIN, [second, ...until(checkpoint.size - 1)]))
})

test('a line of a known key that does not verify spoils the note, whoever else signed', () => {
  const note = parseNote(signed)
  const text = formatCheckpoint({ ...checkpoint, size: 2 })
  refuses('LOG_SIGNATURE_INVALID', () => verifyNote(crypto, { text, signatures: note.signatures }, known))
  const second = { name: other.name, key: crypto.importVerifyingKey(otherKey.publicKey) }
  const mixed = { text, signatures: [...note.signatures, signNote(crypto, otherKey, other.name, text)] }
  refuses('LOG_SIGNATURE_INVALID', () => verifyNote(crypto, mixed, [second, ...known]))
  const notDer = { ...note.signatures[0]!, signature: new Uint8Array(64) }
  refuses('LOG_SIGNATURE_INVALID', () => verifyNote(crypto, { text: note.text, signatures: [notDer] }, known))
})

test('one key that signs twice is refused, so that it cannot count as two', () => {
  const note = parseNote(signed)
  const again = signNote(crypto, logKey, ORIGIN, note.text)
  refuses('LOG_CHECKPOINT_MALFORMED', () => verifyNote(crypto, addSignature(note, again), known))
})

test('a checkpoint of another log by the same key is refused', () => {
  const text = formatCheckpoint({ ...checkpoint, origin: 'another' })
  const note = formatNote({ text, signatures: [signNote(crypto, logKey, ORIGIN, text)] })
  refuses('LOG_ORIGIN_MISMATCH', () => openCheckpoint(crypto, note, ORIGIN, known))
})

test('extension lines are returned and are signed', () => {
  const extended = { ...checkpoint, extensions: ['epoch 7', 'öffentlich'] }
  const note = signCheckpoint(crypto, logKey, extended)
  assert.deepEqual(openCheckpoint(crypto, note, ORIGIN, known).checkpoint, extended)
  refuses('LOG_SIGNATURE_INVALID', () => openCheckpoint(crypto, note.replace('epoch 7', 'epoch 8'), ORIGIN, known))
  refuses('LOG_SIGNATURE_INVALID', () => openCheckpoint(crypto, note.replace('epoch 7\n', ''), ORIGIN, known))
})

test('what is not exactly a checkpoint is refused', () => {
  const rootText = formatCheckpoint(checkpoint).split('\n')[2]!
  for (const text of [
    '',
    '\n',
    `${ORIGIN}\n1\n`,
    `${ORIGIN}\n1\n${rootText}`,
    `\n1\n${rootText}\n`,
    `${ORIGIN}\n01\n${rootText}\n`,
    `${ORIGIN}\n+1\n${rootText}\n`,
    `${ORIGIN}\n1.0\n${rootText}\n`,
    `${ORIGIN}\n1e3\n${rootText}\n`,
    `${ORIGIN}\n-0\n${rootText}\n`,
    `${ORIGIN}\n 1\n${rootText}\n`,
    `${ORIGIN}\n\n${rootText}\n`,
    `${ORIGIN}\n9007199254740992\n${rootText}\n`,
    `${ORIGIN}\n99999999999999999999\n${rootText}\n`,
    `${ORIGIN}\n1\n${rootText.slice(0, -1)}\n`,
    `${ORIGIN}\n1\n${rootText}=\n`,
    `${ORIGIN}\n1\n${rootText.slice(0, -4)}\n`,
    `${ORIGIN}\n1\nAAAA${rootText}\n`,
    `${ORIGIN}\n1\n${rootText.replace(/.=$/, 'B=')}\n`,
    `${ORIGIN}\n1\n${rootText}\n\n`,
    `${ORIGIN}\n1\n${rootText}\nextension\n\nmore\n`,
    `${ORIGIN}\n0\n${rootText}\n`,
  ]) {
    refuses('LOG_CHECKPOINT_MALFORMED', () => parseCheckpoint(text))
  }
  assert.equal(parseCheckpoint(`${ORIGIN}\n9007199254740991\n${rootText}\n`).size, 2 ** 53 - 1)
})

test('the empty log has a checkpoint', () => {
  const empty = { origin: ORIGIN, size: 0, root: emptyRoot(crypto), extensions: [] }
  assert.deepEqual(parseCheckpoint(formatCheckpoint(empty)), empty)
})

test('a checkpoint whose fields would not read back the same is not written', () => {
  for (const bad of [
    { ...checkpoint, origin: '' },
    { ...checkpoint, origin: 'a\nb' },
    { ...checkpoint, size: -1 },
    { ...checkpoint, size: 1.5 },
    { ...checkpoint, size: 2 ** 53 },
    { ...checkpoint, root: new Uint8Array(31) },
    { ...checkpoint, extensions: [''] },
    { ...checkpoint, extensions: ['a\nb'] },
    { ...checkpoint, size: 0 },
  ]) {
    refuses('LOG_CHECKPOINT_MALFORMED', () => formatCheckpoint(bad))
  }
  refuses('LOG_KEY_MALFORMED', () => signCheckpoint(crypto, logKey, { ...checkpoint, origin: 'two words' }))
  refuses('LOG_CHECKPOINT_MALFORMED', () => signCheckpoint(crypto, logKey, { ...checkpoint, extensions: ['\t'] }))
})

test('what is not exactly a signed note is refused', () => {
  const good = signatureLine('a', new Uint8Array(5))
  assert.equal(parseNote(`text\n\n${good}`).signatures.length, 1)
  for (const note of [
    '',
    '\n',
    'text\n',
    'text\n\n',
    `text\n${good}`,
    `text\n\n${good.slice(0, -1)}`,
    `text\n\n${good}\n`,
    `text\n\n${good.replace('\u2014', '-')}`,
    `text\n\n${good.replace('\u2014 ', '\u2014  ')}`,
    `text\n\n${good.replace('\n', ' \n')}`,
    `text\n\n${signatureLine('', new Uint8Array(5))}`,
    `text\n\n${signatureLine('a+b', new Uint8Array(5))}`,
    `text\n\n${signatureLine('a\u00a0b', new Uint8Array(5))}`,
    `text\n\n${signatureLine('a\u2003b', new Uint8Array(5))}`,
    `text\n\n${signatureLine('a', new Uint8Array(4))}`,
    `text\n\n${good.replace('=', '')}`,
    `text\n\n${good.replace('A=', 'B=')}`,
    `text\n\n\u2014 a AAAA_AA=\n`,
    `text\r\n\n${good}`,
    `te\u0000xt\n\n${good}`,
    `te\ud800xt\n\n${good}`,
    `text\n\n${good.repeat(17)}`,
    `${'x'.repeat(65_536)}\n\n${good}`,
    `${'\u20ac'.repeat(30_000)}\n\n${good}`,
  ]) {
    refuses('LOG_CHECKPOINT_MALFORMED', () => parseNote(note))
  }
  assert.equal(parseNote(`text\n\n${good.repeat(16)}`).signatures.length, 16)
  assert.equal(parseNote(`text\n\nmore\n\n${good}`).text, 'text\n\nmore\n', 'the last empty line separates')
})

test('a note that would not read back the same is not written', () => {
  const [signature] = parseNote(signed).signatures
  assert.ok(signature)
  for (const note of [
    { text: 'text\n', signatures: [] },
    { text: 'text', signatures: [signature] },
    { text: 'text\n', signatures: Array.from({ length: 17 }, () => signature) },
    { text: 'text\n', signatures: [{ ...signature, name: 'a b' }] },
    { text: 'text\n', signatures: [{ ...signature, name: 'a\n\nb' }] },
    { text: 'text\n', signatures: [{ ...signature, keyId: new Uint8Array(0), signature: new Uint8Array(4) }] },
  ]) {
    refuses('LOG_CHECKPOINT_MALFORMED', () => formatNote(note))
  }
  const full = { text: 'text\n', signatures: Array.from({ length: 16 }, () => signature) }
  refuses('LOG_CHECKPOINT_MALFORMED', () => addSignature(full, signature))
})

test('a verifier key reads back, and every changed character of it is refused', () => {
  const text = formatVerifierKey(crypto, known[0]!)
  const key = parseVerifierKey(crypto, text)
  assert.equal(key.name, ORIGIN)
  assert.deepEqual(key.key.publicKey, logKey.publicKey)
  const nameEnd = text.indexOf('+') // another name is another key, not a damaged one
  for (let i = nameEnd; i < text.length; i++) {
    for (const put of ['', 'A', '+', text[i] === '7' ? '8' : '7']) {
      if (put === text[i]) continue
      refuses('LOG_KEY_MALFORMED', () => parseVerifierKey(crypto, text.slice(0, i) + put + text.slice(i + 1)))
    }
  }
  refuses('LOG_KEY_MALFORMED', () => parseVerifierKey(crypto, ''))
  refuses('LOG_KEY_MALFORMED', () => parseVerifierKey(crypto, `a b${text.slice(nameEnd)}`))
  refuses('LOG_KEY_MALFORMED', () => formatVerifierKey(crypto, { name: '', key: known[0]!.key }))
  assert.equal(noteKeyId(crypto, logKey.publicKey).length, 4)
})

test('a signer’s name cannot carry lines of its own into a note', () => {
  const { text, signatures } = parseNote(signed)
  const inside = `${ORIGIN} ${Buffer.from(new Uint8Array(8)).toString('base64')}\n\n\u2014 ${ORIGIN}`
  const forged = signatures.map((signature) => ({ ...signature, name: inside }))
  refuses('LOG_CHECKPOINT_MALFORMED', () => formatNote({ text, signatures: forged }))
})

test('a text whose last line does not end is none, with and without further lines', () => {
  const text = formatCheckpoint(checkpoint)
  for (const extra of ['', 'extension\n']) {
    assert.deepEqual(parseCheckpoint(text + extra).extensions, extra === '' ? [] : ['extension'])
    refuses('LOG_CHECKPOINT_MALFORMED', () => parseCheckpoint((text + extra).slice(0, -1)))
    refuses('LOG_CHECKPOINT_MALFORMED', () => parseCheckpoint(`${text}${extra}more`))
  }
})

test('a note has at most 64 KiB, counted as UTF-8', () => {
  const noteOf = (bytes: number, filling: string): string => {
    const rest = bytes - new TextEncoder().encode(signed).length - 1
    const line = filling.repeat(Math.floor(rest / new TextEncoder().encode(filling).length))
    const padded = line + 'x'.repeat(rest - new TextEncoder().encode(line).length)
    return signed.replace('\n\n', `\n${padded}\n\n`)
  }
  for (const filling of ['x', 'é', '𝄞']) {
    parseNote(noteOf(65_536, filling))
    refuses('LOG_CHECKPOINT_MALFORMED', () => parseNote(noteOf(65_537, filling)))
  }
})
