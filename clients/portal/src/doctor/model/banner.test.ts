/** The banner says what records say, and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ageOf, bannerOf } from './banner.ts'

test('name, birth and sex of the Patient resource, the official name first', () => {
  const person = {
    name: [
      { use: 'nickname', text: 'Bobby' },
      { use: 'official', family: 'Li', given: ['Bob', 'X'] },
    ],
    birthDate: '1962-03-03',
    gender: 'male',
  }
  assert.deepEqual(bannerOf(person, []), { name: 'LI, Bob', birthDate: '1962-03-03', sex: 'male' })
  assert.deepEqual(bannerOf({ name: [{ family: 'Li' }] }, []), { name: 'LI' })
})

test('a Chinese name stands as it is written; without parts the name stands whole', () => {
  const named = (name: object) => bannerOf({ name: [name] }, []).name
  assert.equal(named({ text: '李波', family: '李', given: ['波'] }), '李波')
  assert.equal(named({ family: '李', given: ['波'] }), '李波')
  assert.equal(named({ text: 'Bob Li' }), 'Bob Li')
  assert.equal(named({ text: 'Mr Bob Li', family: 'Li', given: ['Bob'] }), 'LI, Bob')
  assert.equal(named({ family: '', given: ['Bob'] }), undefined)
})

test('what no record says, or says in another form, is left out', () => {
  assert.deepEqual(bannerOf(undefined, []), {})
  assert.deepEqual(bannerOf({ name: 'Bob', birthDate: '3.3.62', gender: 'M' }, [{ code: 'x' }, {}]), {})
  assert.deepEqual(bannerOf({ birthDate: '1962' }, []), { birthDate: '1962' })
})

test('allergies in their own words, each once', () => {
  const allergies = [
    { code: { text: 'Penicillin' } },
    { code: { coding: [{ code: '1' }, { display: 'Peanut' }] } },
    { code: { text: 'Penicillin' } },
  ]
  assert.deepEqual(bannerOf(undefined, allergies), { allergies: ['Penicillin', 'Peanut'] })
})

test('the age is whole years, and unknown where the day is', () => {
  const at = (text: string) => Date.parse(`${text}T12:00:00Z`)
  assert.equal(ageOf('1962-03-03', at('2026-03-02')), 63)
  assert.equal(ageOf('1962-03-03', at('2026-03-03')), 64)
  assert.equal(ageOf('1962', at('2026-03-03')), undefined)
  assert.equal(ageOf('2027-01-01', at('2026-03-03')), undefined)
})
