import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandHere, commandName } from './calling.ts'
import type { Context } from './context.ts'

const contextOf = (environment: Record<string, string>, state?: string) =>
  ({ terminal: { environment }, flags: state === undefined ? {} : { state } }) as Context

test('a command is named as it is called, with the state folder that it would not find by itself', () => {
  assert.equal(commandHere(contextOf({}), 'start'), 'trusthealth start')
  const checkout = contextOf({ npm_command: 'run' }, './practice')
  assert.equal(commandName(checkout), 'npx trusthealth')
  assert.equal(commandHere(checkout, 'start'), 'npx trusthealth start --state ./practice')
})
