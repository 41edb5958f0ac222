/**
 * The hospital's staff in a browser: the state of the house, registering with a code, a warning about who may be the same,
 * booking, an import with refused lines, an emergency access to review.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { PatientClient } from '../../clients/sdk/src/index.ts'
import { violationsOf } from './axe.ts'
import type { PageOptions, WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { overflowOf } from './page-facts.ts'
import { shoot } from './shoot.ts'

const PATIENCE_MS = 40_000
let portal: Portal
let watched: WatchedPage
let page: Page
let bob: PatientClient

before(async () => {
  portal = await openPortal()
  const { world } = portal
  bob = await world.patient('Bob Li')
  await world.doctor('Alice Martin', { department: 'Cardiology' })
  // The registration warrant: the hospital itself may keep earlier records.
  await world.permit(bob, [{ ref: world.hospitalRef('a') }])
  watched = await comeIn('Maria Ruiz')
  page = watched.page
})
after(() => portal?.close())

async function comeIn(name: string, options: PageOptions = {}): Promise<WatchedPage> {
  const opened = await portal.page(options)
  opened.page.setDefaultTimeout(PATIENCE_MS)
  await portal.register(opened.page, name, 'staff', { roles: ['administrator'] })
  return opened
}

test('the first screen says what is booked and that every part answers', async () => {
  await page.getByText('booked').waitFor()
  await page.getByRole('row', { name: /Record server answers/ }).waitFor()
  await page.getByRole('row', { name: /Shared ledger answers/ }).waitFor()
  await shoot(page, 'staff-home')
})

test('a patient is registered with a code; who may be the same is shown before', async () => {
  await page.goto(`${portal.url}/staff/register`)
  await page.getByRole('button', { name: 'Make a code' }).click()
  await page.getByText('Write the name.').waitFor()
  await page.getByLabel('Name', { exact: true }).fill('LI Bob')
  await page.getByText('This may be somebody who is registered already.').waitFor()
  await shoot(page, 'staff-register-same')
  await page.getByLabel('Name', { exact: true }).fill('Emi Sato')
  await page.getByLabel('Day').fill('31')
  await page.getByLabel('Month').fill('12')
  await page.getByLabel('Year').fill('1985')
  await page.getByLabel(/have seen the identity document/).check()
  await page.getByRole('button', { name: 'Make a code' }).click()
  await page.getByRole('heading', { name: 'Code for Emi Sato' }).waitFor()
  const code = (await page.getByTestId('code').innerText()).replaceAll(' ', '')
  assert.match(code, /^[0-9A-Z]{12}$/)
  await shoot(page, 'staff-code')
  const phone = await portal.page()
  await phone.page.goto(`${portal.url}/join#${code}`)
  await phone.page.getByLabel('Your name').fill('Emi Sato')
  await phone.page.getByRole('button', { name: 'Make the key' }).click()
  await phone.page.waitForURL(/\/patient/)
  await phone.context.close()
})

test('an appointment is booked', async () => {
  await page.goto(`${portal.url}/staff/book`)
  await page.getByRole('combobox', { name: 'Patient' }).fill('Emi')
  await page.getByRole('option', { name: /Emi Sato/ }).click()
  await page.getByLabel(/Alice Martin/).check()
  await page.getByRole('button', { name: 'Book', exact: true }).click()
  await page.getByText(/The patient is asked for permission/).waitFor()
  await page.getByRole('row', { name: /Emi Sato/ }).waitFor()
  await shoot(page, 'staff-book')
})

test('an import stores what it can, and says of every other line why not', async () => {
  await page.goto(`${portal.url}/staff/import`)
  const good = JSON.stringify({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'HbA1c' },
    subject: { reference: `Patient/${bob.ref}` },
    valueString: 'imported',
  })
  const stranger = JSON.stringify({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Patient/nobody' },
  })
  const file = {
    name: 'earlier.ndjson',
    mimeType: 'application/fhir+ndjson',
    buffer: Buffer.from([good, 'no json', stranger].join('\n')),
  }
  await page.locator('input[type=file]').setInputFiles(file)
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByText('1 stored, 2 refused', { exact: true }).waitFor()
  await shoot(page, 'staff-import')
  await page.getByRole('cell', { name: /FHIR_NOT_JSON/ }).waitFor()
  await page.getByRole('cell', { name: /FHIR_UNRESOLVED_PATIENT/ }).waitFor()
  const { items } = await bob.records()
  assert.equal(items.length, 1)
})

test('no emergency access is said to be none; no violation of WCAG at phone width in the dark', async () => {
  await page.goto(`${portal.url}/staff/emergencies`)
  await page.getByText('No emergency access to your patients.').waitFor()
  const phone = await comeIn('Jo Weber', { width: 360, height: 740, dark: true, bypassCSP: true })
  for (const path of ['', '/register', '/book', '/import', '/emergencies']) {
    await phone.page.goto(`${portal.url}/staff${path}`)
    await phone.page.locator('main h1').waitFor()
    await phone.page.waitForLoadState('networkidle')
    assert.deepEqual(await violationsOf(phone.page), [], path)
    const overflow = await overflowOf(phone.page)
    assert.equal(overflow, 0, path)
    await shoot(phone.page, `staff-phone${path.replace('/', '-')}`)
  }
  await phone.context.close()
})

test('no message of the console, no other origin', () => {
  assert.deepEqual([watched.messages, watched.strangers], [[], []])
})
