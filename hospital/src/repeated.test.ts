import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AWAY, every } from './repeated.ts'

const refused = (code: string): Error => Object.assign(new Error(code), { code })

/** Looks that come to these ends, one after the other; stops itself after the last one. @returns what was told. */
async function told(ends: readonly (Error | 'well')[]): Promise<string[]> {
  const troubles: string[] = []
  await new Promise<void>((resolve) => {
    let at = 0
    every({
      look: () => {
        const end = ends[at++]
        if (end === undefined) {
          resolve()
          // The one after the last: it ends when everything is told.
          return new Promise(() => undefined)
        }
        return end === 'well' ? Promise.resolve(0) : Promise.reject(end)
      },
      retryMs: 0,
      expected: AWAY,
      onTrouble: (error) => troubles.push(error instanceof Error ? error.message : String(error)),
    })
  })
  return troubles
}

test('the same trouble is told once, another one and the same after a look that succeeded again', async () => {
  const [a, b] = [refused('LOG_FORKED'), refused('LOG_SIZE_INVALID')]
  assert.deepEqual(await told([a, a, b, b, 'well', b]), ['LOG_FORKED', 'LOG_SIZE_INVALID', 'LOG_SIZE_INVALID'])
})

test('nobody is told of parts that are away', async () => {
  assert.deepEqual(await told(AWAY.map(refused)), [])
})

test('a fault without a code is told, too', async () => {
  assert.deepEqual(await told([new TypeError('no such member'), 'well']), ['no such member'])
})

test('stopping waits for the look that is under way, of which nothing is told, and no other begins', async () => {
  let looks = 0
  let fail: (error: Error) => void = () => undefined
  const troubles: unknown[] = []
  const repeated = every({
    look: () => {
      looks++
      return new Promise<number>((_, reject) => (fail = reject))
    },
    retryMs: 0,
    expected: [],
    onTrouble: (error) => troubles.push(error),
  })
  const stopped = repeated.stop()
  fail(refused('LOG_FORKED'))
  await stopped
  assert.equal(looks, 1)
  assert.deepEqual(troubles, [])
})
