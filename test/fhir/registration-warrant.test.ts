/**
 * Which registration permission the hospital writes under: one that was taken back is passed over, and one for some
 * kinds of records where another is for all.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWarrant } from '../../shared/protocol/src/index.ts'
import { codeOf, hba1c, openFhirScene, permitHospital } from './scene.ts'

test(
  'of several permissions the one that holds is used; without one the write is refused',
  { timeout: 120_000 },
  async () => {
    await using scene = await openFhirScene()
    const { world, bob, fhir } = scene
    const hospital = world.hospital('a')
    const held = async () => parseWarrant(await hospital.registrationWarrant(bob.ref)).payload.jti
    const first = await held()
    // Ends later, so that it comes first where only the end is looked at.
    await permitHospital(world, bob, ['*'], 320)
    const second = await held()
    assert.notEqual(second, first)
    await bob.revokeWarrant(second)
    assert.equal(await held(), first)
    // Ends later too, but for some kinds of records only.
    await permitHospital(world, bob, ['medicine'], 320)
    assert.equal(await held(), first)
    assert.equal((await fhir('POST', '/Observation', hba1c(bob.ref, 1))).status, 201)
    await bob.revokeWarrant(first)
    // The hospital looks for another one when the one that it used is refused.
    for (const code of ['WARRANT_REVOKED', 'WARRANT_SCOPE_EXCEEDED']) {
      const refused = await fhir('POST', '/Observation', hba1c(bob.ref, 2))
      assert.deepEqual([refused.status, codeOf(refused)], [403, code])
    }
  },
)
