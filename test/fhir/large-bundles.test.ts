/** A Bundle of many reads is not a way around the size of a page; what is not read says so, and writes are done. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { MAX_PAGE_BYTES } from '../../hospital/src/fhir/limits.ts'
import { codeOf, hba1c, openFhirScene, LARGE_BYTES, storeLarge, type Bundle, type FhirScene } from './scene.ts'

/** Reads after which the answers have as much as a page. */
const FITTING = Math.ceil(MAX_PAGE_BYTES / LARGE_BYTES)
const names = Array.from({ length: FITTING + 1 }, (_, i) => `large-${i}`)

describe('Bundles of many reads', () => {
  let scene: FhirScene
  before(async () => {
    scene = await openFhirScene()
    for (const id of names) await storeLarge(scene, id)
  })
  after(() => scene[Symbol.asyncDispose]())

  for (const type of ['batch', 'transaction']) {
    it(`refuses what is beyond the limit in a ${type}, entry by entry`, async () => {
      const { bob, fhir } = scene
      const reads = names.map((id) => ({ request: { method: 'GET', url: `DocumentReference/${id}` } }))
      const resource = hba1c(bob.ref, 5, { id: `after-${type}` })
      const write = { resource, request: { method: 'PUT', url: `Observation/after-${type}` } }
      const answer = await fhir('POST', '', { resourceType: 'Bundle', type, entry: [...reads, write] })
      assert.equal(answer.status, 200, answer.text.slice(0, 300))
      const { entry = [] } = answer.json as Bundle
      const codes = entry.map(({ response }) => response?.status)
      assert.deepEqual(
        codes.slice(0, FITTING),
        Array.from({ length: FITTING }, () => '200 OK'),
      )
      assert.equal(codeOf({ json: entry[FITTING]?.response?.outcome }), 'FHIR_TOO_LARGE')
      assert.equal(entry[FITTING]?.resource, undefined)
      assert.equal(codes.at(-1), '201 Created')
    })
  }
})
