import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createNodeCrypto } from '../../../../shared/crypto/src/node-crypto.ts'
import { codeToken, codeTokens, matchesWords, queryWordsOf, wordsOf } from './record-text.ts'

const crypto = createNodeCrypto()
const anyText = fc.string({ unit: 'binary', maxLength: 200 })

test('words are lower-case letters and digits, each once, whatever the text', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const words = wordsOf(text)
      assert.equal(new Set(words).size, words.length)
      for (const word of words) assert.match(word, /^[\p{L}\p{N}]+$/u)
      // Reading the words of the words changes nothing: what is stored is what is asked for.
      assert.deepEqual(wordsOf(words.join(' ')), words)
    }),
  )
})

test('a text matches each of its words and their beginnings, and nothing that starts no word', () => {
  fc.assert(
    fc.property(anyText, fc.nat(), fc.nat(), (text, i, j) => {
      const words = wordsOf(text)
      const joined = words.join(' ')
      const word = words[i % Math.max(1, words.length)]
      if (word === undefined) return
      const letters = Array.from(word)
      const start = letters.slice(0, 1 + (j % letters.length)).join('')
      assert.ok(matchesWords(joined, [start]))
      const longer = `${[...words].toSorted((a, b) => b.length - a.length)[0] ?? ''}0`
      assert.equal(
        matchesWords(joined, [longer]),
        words.some((one) => one.startsWith(longer)),
      )
    }),
  )
})

test('text in ASCII gives the words that it gives beside other text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 200 }), (text) => {
      assert.deepEqual(wordsOf(`${text} ÉÉ`), [...new Set([...wordsOf(text), 'ee'])])
    }),
  )
})

test('accents, case and punctuation do not count; no query means no words', () => {
  assert.deepEqual(wordsOf('Müller, MULLER! ﬁne'), ['muller', 'fine'])
  assert.deepEqual(queryWordsOf('"; DROP'), ['drop'])
  assert.deepEqual(queryWordsOf('…'), [])
  assert.equal(queryWordsOf(Array.from({ length: 99 }, (_, i) => `w${i}`).join(' ')).length, 16)
})

test('a word longer than 64 is kept in pieces and found by its start and as a whole', () => {
  for (const letter of ['x', 'é']) {
    const words = wordsOf(letter.repeat(150))
    assert.ok(words.length > 0 && words.every((word) => word.length <= 64))
    for (const length of [3, 64, 65, 150]) assert.ok(matchesWords(words.join(' '), queryWordsOf(letter.repeat(length))))
  }
})

test('a code is found with its system and without it, and no other one', () => {
  const tokens = codeTokens(crypto, [['http://loinc.org', '4548-4']])
  assert.ok(tokens.includes(codeToken(crypto, '4548-4')))
  assert.ok(tokens.includes(codeToken(crypto, 'http://loinc.org|4548-4')))
  assert.ok(!tokens.includes(codeToken(crypto, 'http://snomed.info/sct|4548-4')))
  for (const token of tokens) assert.deepEqual(wordsOf(token), [token])
})
