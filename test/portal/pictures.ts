/**
 * Takes the pictures of the documentation again: `npm run docs:pictures`. A test world with three people and an auditor in
 * one browser, records over two years; each picture waits until every seal in sight is settled. What is written has the
 * times of today, so the pictures differ a little each time.
 *
 * @module
 */
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { PractitionerRef } from '../../shared/protocol/src/index.ts'
import { certify } from '../../testkit/src/world/by-hand.ts'
import { openAuditor } from './auditor-steps.ts'
import { openPortal } from './harness.ts'
import { settled } from './page-facts.ts'
import { allowVisit } from './patient-steps.ts'
import { bloodPressure, condition, findPatientRef, labResult, medicine, visitNote, write } from './people.ts'

const FOLDER = join(import.meta.dirname, '../../docs/images')
const SIZE = { width: 1200, height: 760, bypassCSP: true }

await using portal = await openPortal()
const { world, url } = portal
const take = async (page: Page, name: string) => {
  await settled(page)
  await page.screenshot({ path: join(FOLDER, `portal-${name}.png`) })
}

const { page: patient } = await portal.page(SIZE)
await portal.register(patient, 'Bob Li', 'patient')
const { page: doctor } = await portal.page(SIZE)
await portal.register(doctor, 'Alice Martin', 'practitioner', { department: 'Cardiology' })
const { page: staff } = await portal.page(SIZE)
await portal.register(staff, 'Maria Ruiz', 'staff', { roles: ['administrator'] })

const bob = await findPatientRef(world, 'Bob Li')
const omar = await world.doctor('Omar Haddad', { department: 'Cardiology' })
await allowVisit(portal, patient, bob, omar)
const stored = await write(
  omar,
  bob,
  condition(),
  labResult(52, '2025-02-20T08:00:00Z'),
  labResult(49, '2025-08-04T08:00:00Z'),
  labResult(41, '2026-02-12T08:00:00Z'),
  bloodPressure(148, 92, '2026-02-12T08:10:00Z'),
  bloodPressure(),
  medicine(),
  visitNote(),
  labResult(47, '2026-11-14T08:00:00Z'),
)
const lab = stored.at(-1)?.recordId ?? ''

await patient.goto(`${url}/patient`)
await patient.locator('.th-row').nth(8).waitFor()
await take(patient, 'records')
await patient
  .getByRole('button', { name: /HbA1c\. Show what was checked/ })
  .first()
  .click()
await patient.locator('.th-check').nth(6).waitFor()
await take(patient, 'seal')
await patient.goto(`${url}/patient/record/${lab}`)
await patient.locator('.th-chart svg').waitFor()
await take(patient, 'result')

// The visit in the picture of the doctor: today, with a permission that the patient signs in the browser.
const desk = world.hospital('a')
const directory = await desk.options.hospital.practitioners(desk.requestSigner)
const alice = directory.find(({ name }) => name === 'Alice Martin')?.ref as PractitionerRef
await desk.assign({
  patient: bob,
  department: 'Cardiology',
  fromMs: world.clock.nowMs(),
  symptoms: '',
  aux: '',
  doctors: [alice],
})
await write(
  omar,
  bob,
  { resourceType: 'Patient', name: [{ family: 'Li', given: ['Bob'] }], birthDate: '1962-03-03', gender: 'male' },
  { resourceType: 'AllergyIntolerance', patient: {}, code: { text: 'Penicillin' } },
)
await patient.goto(`${url}/patient`)
await patient.getByRole('button', { name: 'Review' }).click()
await patient.getByRole('button', { name: 'Allow and sign' }).click()
await patient.getByRole('heading', { name: 'Allowed' }).waitFor()
await doctor.goto(`${url}/doctor/patient/${bob}`)
await doctor.getByText('Labs', { exact: true }).click()
await doctor.locator('.th-record .th-seal[data-state=verified]').nth(5).waitFor()
await take(doctor, 'doctor')

await staff.goto(`${url}/staff`)
await staff.locator('.th-sheet').first().waitFor()
await take(staff, 'staff')

for (const name of ['a', 'b'] as const) await world.lookAtLog(name)
const sam = await certify(world, 'auditor', { registered: true })
const { page: auditor } = await openAuditor(portal, sam, SIZE)
await auditor.getByRole('button', { name: 'Check everything' }).click()
await auditor.getByRole('button', { name: 'Save signed report' }).waitFor()
await take(auditor, 'auditor')
