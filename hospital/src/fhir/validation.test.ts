import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { parseResource } from '../../../shared/fhir/src/index.ts'
import { Validation, type Finding } from './validation.ts'

const good = parseResource('{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueInteger":1}')
const bad = parseResource('{"resourceType":"Observation","status":"final","colour":"crimson","valueInteger":1}')

describe('validation on write', { timeout: 120_000 }, () => {
  const refusing = new Validation('refuse')
  after(() => refusing.close())

  it('lets what R4 allows through, and refuses the rest with its place', async () => {
    await refusing.check(good)
    await assert.rejects(refusing.check(bad), (error) => {
      const { code, expression } = error as { readonly code: string; readonly expression: readonly string[] }
      assert.equal(code, 'FHIR_INVALID')
      assert.ok(expression.some((one) => one.startsWith('Observation')))
      // Rules and places, never a value.
      assert.ok(!String(error).includes('crimson'))
      return true
    })
  })

  it('under warn the write goes on, and the findings are told', async () => {
    const found = new Promise<readonly Finding[]>((resolve) => {
      const warning = new Validation('warn', (_type, findings) => {
        resolve(findings)
        warning.close()
      })
      void warning.check(bad)
    })
    assert.ok((await found).length > 0)
  })

  it('off, it does nothing', async () => {
    await new Validation('off').check(bad)
  })
})
