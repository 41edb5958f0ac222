import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numberName } from './number-name.ts'

test('numbers as words', () => {
  const names = {
    0: 'zero',
    13: 'thirteen',
    40: 'forty',
    99: 'ninety nine',
    700: 'seven hundred',
    12_345: 'twelve thousand three hundred forty five',
    1_000_001: 'one million one',
  }
  for (const [number, name] of Object.entries(names)) assert.equal(numberName(Number(number)), name)
})
