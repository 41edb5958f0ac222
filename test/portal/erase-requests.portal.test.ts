/** A hospital took records out of its own use and asks the patient to erase them: one is kept, one is erased. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { PatientClient } from '../../clients/sdk/src/index.ts'
import { hba1c, permitHospital, practiceAccess, type FhirScene } from '../fhir/scene.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { openPatient } from './join-steps.ts'
import { overflowOf, settled, shiftsOf, watchShifts } from './page-facts.ts'
import { shoot } from './shoot.ts'

let portal: Portal
let watched: WatchedPage
let bob: PatientClient
let fhir: FhirScene['fhir']

before(async () => {
  portal = await openPortal({ hospital: { fhirDelete: 'request-erase' } })
  const { world } = portal
  bob = await world.patient('Bob Li')
  await permitHospital(world, bob)
  fhir = practiceAccess(world).fhir
  await deleted('twice', 21)
  await deleted('wrong', 99, 'entered for the wrong person')
  watched = await openPatient(portal, bob, { bypassCSP: true })
})
after(() => portal?.close())

/** Written by the hospital, and taken out of its own use. */
async function deleted(id: string, value: number, reason?: string): Promise<void> {
  assert.equal((await fhir('PUT', `/Observation/${id}`, hba1c(bob.ref, value, { id }))).status, 201)
  const headers = reason === undefined ? {} : { 'x-trusthealth-reason': reason }
  assert.equal((await fhir('DELETE', `/Observation/${id}`, undefined, headers)).status, 202)
}

const stateOf = async (id: string) =>
  (await bob.eraseRequests()).find(({ resourceId }) => resourceId === id)?.state ?? 'none'
const asked = () => watched.page.locator('.th-need').filter({ hasText: 'asks you to erase yours' })

test('the first screen says what the hospital asks, why, and that the record stays otherwise', async () => {
  const { page } = watched
  await watchShifts(page)
  await page.goto(`${portal.url}/patient`)
  await settled(page)
  assert.deepEqual(await shiftsOf(page), [])
  assert.equal(await asked().count(), 2)
  const wrong = asked().filter({ hasText: 'Reason given: “entered for the wrong person”' })
  await wrong.getByText('It stays in TrustHealth unless you erase it.').waitFor()
  await shoot(page, 'patient-asked-to-erase')
  assert.deepEqual(await violationsOf(page), [])
  assert.equal(await overflowOf(page), 0)
})

test('no: the record stays, and the hospital sees it', async () => {
  await asked().filter({ hasNotText: 'Reason given' }).getByRole('button', { name: 'Keep it' }).click()
  await asked().nth(1).waitFor({ state: 'detached' })
  assert.equal(await stateOf('twice'), 'kept')
  assert.equal(await stateOf('wrong'), 'requested')
})

test('yes: the record is looked at, erased with its code, and the hospital is told', async () => {
  const { page } = watched
  await asked().getByRole('button', { name: 'See the record' }).click()
  await page.getByText('99').first().waitFor()
  await page.getByRole('button', { name: 'Erase this record…' }).click()
  const sheet = page.getByRole('dialog', { name: 'Erase this record for good?' })
  const label = await sheet.locator('label').innerText()
  await sheet.getByRole('textbox').fill(/Type (\S+) to confirm/.exec(label)?.[1] ?? '')
  await sheet.getByRole('button', { name: 'Erase', exact: true }).click()
  await page.waitForURL(/\/patient$/)
  await asked().first().waitFor({ state: 'detached' })
  assert.equal(await stateOf('wrong'), 'erased')
  await page
    .locator('.th-seal[data-state=erased]')
    .getByText(/^Erased \d+ \w+ \d{4} \(practice\)$/)
    .waitFor()
})
