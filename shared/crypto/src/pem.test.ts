import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePem, encodePem } from './pem.ts'

const BAD = { code: 'CRYPTO_BAD_ENCODING' }

test('PEM of node:crypto is read and written in the same form', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = publicKey.export({ format: 'pem', type: 'spki' }) as string
  const der = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  assert.deepEqual(decodePem('PUBLIC KEY', text), [der])
  assert.equal(encodePem('PUBLIC KEY', der), text)
  assert.deepEqual(decodePem('PUBLIC KEY', text.replaceAll('\n', '\r\n')), [der])
})

test('decoding inverts encoding, for several blocks among other text', () => {
  const blocks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 4 })
  fc.assert(
    fc.property(blocks, (contents) => {
      const text = contents.map((der) => `subject=/CN=x\n${encodePem('OTHER', der)}${encodePem('CERTIFICATE', der)}`)
      assert.deepEqual(decodePem('CERTIFICATE', text.join('')), contents)
    }),
  )
})

const block = (...lines: string[]): string => ['-----BEGIN X-----', ...lines, '-----END X-----', ''].join('\n')
const refused = {
  'no end': '-----BEGIN X-----\nAAAA\n',
  'no begin': 'AAAA\n-----END X-----\n',
  'a begin inside': block('AAAA', '-----BEGIN X-----', 'AAAA'),
  'no content': block(),
  'an empty line': block('', 'AAAA'),
  'a header': block('Proc-Type: 4,ENCRYPTED', 'AAAA'),
  'a short line before the last': block('AAAA', 'AAAA'),
  'a line of 68 characters': block('A'.repeat(68)),
  'white space': block('AAAA '),
  'missing padding': block('AAA'),
  'too much padding': block('A==='),
  'padding in the middle': block('AA==AAAA'),
  'trailing bits': block('AAB='),
  base64url: block('AA-_'),
}
for (const [what, text] of Object.entries(refused)) {
  test(`PEM with ${what} is refused`, () => {
    assert.throws(() => decodePem('X', text), BAD)
  })
}
