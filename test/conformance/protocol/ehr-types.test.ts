import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EHR_TYPES as ofFhir } from '../../../shared/fhir/src/index.ts'
import { EHR_TYPES as ofProtocol } from '../../../shared/protocol/src/index.ts'

test('kinds of records are the same list in shared/fhir and shared/protocol', () => {
  assert.deepEqual(ofFhir, ofProtocol)
})
