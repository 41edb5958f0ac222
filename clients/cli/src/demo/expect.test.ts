import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientError } from '../../../sdk/src/index.ts'
import { answered, expectRefusal, Surprise } from './expect.ts'

/** Fails with each code in turn, then ends. */
function failing(...codes: ConstructorParameters<typeof ClientError>[0][]): () => string {
  return () => {
    const code = codes.shift()
    if (code !== undefined) throw new ClientError(code)
    return 'done'
  }
}

test('what did not answer in time is asked again, and nothing else is', async () => {
  assert.equal(await answered(failing('LEDGER_UNAVAILABLE')), 'done')
  await assert.rejects(answered(failing('LEDGER_UNAVAILABLE', 'ACCESS_DENIED')), { code: 'ACCESS_DENIED' })
})

test('a promised refusal may come after an answer that did not come in time; another one is a surprise', async () => {
  const { code } = await expectRefusal('ACCESS_DENIED', failing('LEDGER_UNAVAILABLE', 'ACCESS_DENIED'))
  assert.equal(code, 'ACCESS_DENIED')
  assert.equal((await expectRefusal('LEDGER_UNAVAILABLE', failing('LEDGER_UNAVAILABLE'))).code, 'LEDGER_UNAVAILABLE')
  await assert.rejects(expectRefusal('ACCESS_DENIED', failing('LEDGER_UNAVAILABLE', 'RECORD_ERASED')), Surprise)
  await assert.rejects(expectRefusal('ACCESS_DENIED', failing('LEDGER_UNAVAILABLE')), Surprise)
})
