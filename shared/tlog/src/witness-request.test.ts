import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatWitnessRequest, parseWitnessRequest } from './witness-request.ts'

const NOTE = 'origin\n7\nroot\n\n\u2014 name sig\n'
const HASH = 'A'.repeat(43)

test('parse inverts format', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const size = fc.oneof(fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER), fc.maxSafeNat())
  fc.assert(
    fc.property(size, fc.array(hash, { maxLength: 54 }), (oldSize, proof) => {
      const request = { oldSize, proof, checkpoint: NOTE }
      assert.deepEqual(parseWitnessRequest(formatWitnessRequest(request)), request)
    }),
  )
})

for (const [name, body] of Object.entries({
  empty: '',
  'without a checkpoint': 'old 1\n',
  'without a size': `${HASH}=\n\n${NOTE}`,
  'with a sign': `old -1\n\n${NOTE}`,
  'with a zero in front': `old 01\n\n${NOTE}`,
  'above 2^53 - 1': `old 9007199254740992\n\n${NOTE}`,
  'with base64 of another length': `old 1\nAAAA\n\n${NOTE}`,
  'with base64url': `old 1\n${HASH.replaceAll('A', '_')}=\n\n${NOTE}`,
  'with carriage returns': `old 1\r\n\r\n${NOTE}`,
  'with too many hashes': `old 1\n${`${HASH}=\n`.repeat(55)}\n${NOTE}`,
  'too long': `old 1\n\n${'x'.repeat(70_000)}`,
})) {
  test(`a request ${name} is refused`, () => {
    assert.throws(() => parseWitnessRequest(body), { code: 'LOG_CHECKPOINT_MALFORMED' })
  })
}
