import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prepareArguments } from './arguments.ts'

test('an id of a key that begins with a dash is no option', () => {
  const given = ['keys', 'remove', '-6iW-JBI9S', '--yes', '--as', 'bob']
  assert.deepEqual(prepareArguments(given), ['keys', 'remove', '--yes', '--as', 'bob', '--', '-6iW-JBI9S'])
  const twice = ['keys', 'remove', '--6iW-JBI9S', '--', '-x']
  assert.deepEqual(prepareArguments(twice), ['keys', 'remove', '--', '--6iW-JBI9S', '-x'])
})

test('options stay options', () => {
  const given = ['start', '--any-ports', '--server-address=http://127.0.0.1:1', '-h', '--json', '--', '--A23456789']
  const prepared = ['start', '--any-ports', '--server-address=http://127.0.0.1:1', '-h', '--json=object']
  assert.deepEqual(prepareArguments(given), [...prepared, '--', '--A23456789'])
})
