/** Which scopes there are, and which one gives what another gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowances, allowedScopes, parseScope } from './scopes.ts'

test('a scope is a level, a type and what may be done, in this order; and a search of the type itself', () => {
  assert.deepEqual(parseScope('patient/Observation.rs?category=laboratory&status=final'), {
    level: 'patient',
    resourceType: 'Observation',
    verbs: 'rs',
    query: 'category=laboratory&status=final',
  })
  for (const text of [
    'patient/Observation.sr',
    'patient/Observation.',
    'patient/observation.rs',
    'patient/Observation.rs?',
    'patient/Observation.rs?colour=red',
    'patient/Observation.rs?category',
    'patient/Observation.rs?patient.name=bob',
    'patient/Observation.rs?_has:Provenance:target:_id=1',
    'patient/Observation.rs?category=laboratory&_count=1',
    'patient/Observation.rs?_include=Observation:subject',
    'patient/Observation.read?category=laboratory',
    'patient/*.rs?_tag=urn:t|x',
    'patient/Nothing.rs?_id=1',
    `patient/Observation.rs?_id=${'x'.repeat(200)}`,
  ]) {
    assert.equal(parseScope(text), undefined, text)
  }
})

test('what is asked for is given only where the app registered for as much', () => {
  const registered = ['user/Observation.rs?category=laboratory', 'user/Condition.rs', 'patient/*.rs']
  const isGiven = (scope: string) => allowedScopes([scope], registered).length === 1
  assert.ok(isGiven('user/Observation.rs?category=laboratory'))
  assert.ok(isGiven('user/Observation.r?category=laboratory&status=final'))
  assert.ok(isGiven('user/Condition.rs?category=problem-list-item'))
  assert.ok(isGiven('patient/Observation.rs?category=laboratory'))
  assert.ok(!isGiven('user/Observation.rs'))
  assert.ok(!isGiven('user/Observation.rs?category=vital-signs'))
  assert.ok(!isGiven('user/Observation.rs?category=laboratory,vital-signs'))
  assert.ok(!isGiven('user/Observation.cruds?category=laboratory'))
  assert.ok(!isGiven('system/Observation.rs?category=laboratory'))
})

test('scopes add up; one of a patient gives nothing without a patient', () => {
  const scopes = ['patient/Observation.rs', 'user/Observation.s?category=laboratory', 'user/Condition.rs']
  assert.deepEqual(allowances(scopes, 's', 'Observation', true), [
    { reach: 'own' },
    { reach: 'all', query: 'category=laboratory' },
  ])
  assert.deepEqual(allowances(scopes, 'r', 'Observation', false), [])
  assert.deepEqual(allowances(scopes, 'u', 'Condition', true), [])
})
