import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { operationOutcome } from './operation-outcome.ts'
import { parseResource } from './resource.ts'

describe('operationOutcome', () => {
  it('has only what is given', () => {
    assert.deepEqual(operationOutcome({ severity: 'error', code: 'not-found' }), {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'not-found' }],
    })
  })

  it('carries our code as a coding, the sentence and the place', () => {
    const outcome = operationOutcome(
      {
        severity: 'error',
        code: 'forbidden',
        errorCode: 'WARRANT_EXPIRED',
        diagnostics: 'The permission has ended.',
        expression: ['Observation.subject'],
      },
      { severity: 'information', code: 'informational' },
    )
    assert.deepEqual(outcome.issue[0], {
      severity: 'error',
      code: 'forbidden',
      details: { coding: [{ system: 'https://trusthealth.example/fhir/error-code', code: 'WARRANT_EXPIRED' }] },
      diagnostics: 'The permission has ended.',
      expression: ['Observation.subject'],
    })
    assert.equal(outcome.issue.length, 2)
    assert.equal(parseResource(JSON.stringify(outcome)).resourceType, 'OperationOutcome')
  })
})
