/**
 * The hospital's staff in a browser: the state of the house, registering with a code, a warning about who may be the same,
 * booking, an import with refused lines, an emergency access to review.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { PatientClient, StaffRole } from '../../clients/sdk/src/index.ts'
import { misuseRecordShape } from '../../shared/ledger-model/src/index.ts'
import { violationsOf } from './axe.ts'
import type { PageOptions, WatchedPage } from './browser.ts'
import { openPortal, PATIENCE_MS, type Portal } from './harness.ts'
import { overflowOf } from './page-facts.ts'
import { shoot } from './shoot.ts'

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

async function comeIn(
  name: string,
  options: PageOptions = {},
  roles: readonly StaffRole[] = ['administrator'],
): Promise<WatchedPage> {
  const opened = await portal.page(options)
  opened.page.setDefaultTimeout(PATIENCE_MS)
  await portal.register(opened.page, name, 'staff', { roles })
  return opened
}

/** The code that a page shows, as it is typed. */
const codeOn = async (on: Page) => (await on.getByTestId('code').innerText()).replaceAll(' ', '')

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
  // Not before a day and a time, which stand there as clinicians write them.
  const year = new Date().getFullYear() + 1
  const from = page.getByRole('group', { name: 'Not before' })
  for (const [part, text] of [
    ['Day', '9'],
    ['Month', '2'],
    ['Year', String(year)],
  ] as const) {
    await from.getByLabel(part).fill(text)
  }
  await from.getByText(new RegExp(`day, 09-Feb-${year}$`)).waitFor()
  await page.getByLabel('Time', { exact: true }).selectOption('10:30')
  await page.getByRole('button', { name: 'Book', exact: true }).click()
  await page.getByText(`Booked 09-Feb-${year}, 10:30`).waitFor()
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

test('a patient who lost the device gets a new key when two members of staff saw who it is', async () => {
  const jo = await comeIn('Jo Okoye', {}, ['front-desk'])
  await page.goto(`${portal.url}/staff/people`)
  await page.getByLabel('Search by name').fill('emi')
  await page.getByText('1 patient; a name opens the keys').waitFor()
  await shoot(page, 'staff-people')
  await page.getByRole('link', { name: 'Emi Sato' }).click()
  await page.getByRole('row', { name: /at registration in use/ }).waitFor()
  const confirm = page.getByRole('button', { name: 'Confirm the identity' })
  assert.ok(await confirm.isDisabled(), 'nothing is confirmed by a slip of the hand')
  await page.getByLabel(/I have seen the identity document/).check()
  await confirm.click()
  await page.getByText(/A second member of staff must see the identity document too/).waitFor()
  await shoot(page, 'staff-person')
  // The first one is no second one, whatever is pressed.
  await page.goto(`${portal.url}/staff/people`)
  await page.getByText('You were the first.').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Confirm the identity' }).count(), 0)
  await jo.page.goto(`${portal.url}/staff`)
  await jo.page.getByRole('link', { name: /new key waits for a second person/ }).click()
  await jo.page.getByText(/Emi Sato: Maria Ruiz saw the identity document/).waitFor()
  await jo.page.getByLabel(/I have seen the identity document/).check()
  await jo.page.getByRole('button', { name: 'Confirm the identity' }).click()
  const code = await codeOn(jo.page)
  await shoot(jo.page, 'staff-rekey-code')
  const phone = await portal.page()
  await phone.page.goto(`${portal.url}/join#${code}`)
  await phone.page.getByLabel('Your name').fill('Emi Sato')
  await phone.page.getByRole('button', { name: 'Make the key' }).click()
  await phone.page.waitForURL(/\/patient/)
  await page.goto(`${portal.url}/staff/people`)
  await page.getByRole('link', { name: 'Emi Sato' }).click()
  await page.getByRole('row', { name: /given by the hospital after an identity check in use/ }).waitFor()
  await page.getByRole('row', { name: /at registration ended/ }).waitFor()
  await phone.context.close()
  await jo.context.close()
})

test('a doctor who lost every device gets a new key when two members of staff saw who it is', async () => {
  const { world } = portal
  const dora = await world.doctor('Dora Hill')
  await world.permit(bob, [dora])
  const jo = await comeIn('Lea Okoye', {}, ['front-desk'])
  const confirm = async (by: Page) => {
    await by.getByLabel(/I have seen the identity document of Dora Hill/).check()
    await by.getByRole('button', { name: 'Confirm the identity' }).click()
  }
  await page.goto(`${portal.url}/staff/people/${dora.ref}`)
  await page.getByRole('heading', { name: 'All devices lost' }).waitFor()
  await confirm(page)
  await page.getByText(/A second member of staff must see the identity document too/).waitFor()
  await jo.page.goto(`${portal.url}/staff/people`)
  await jo.page.getByText(/Dora Hill: Maria Ruiz saw the identity document/).waitFor()
  await shoot(jo.page, 'staff-rekey-doctor')
  await confirm(jo.page)
  const code = await codeOn(jo.page)
  const laptop = await portal.page()
  await laptop.page.goto(`${portal.url}/join#${code}`)
  await laptop.page.getByLabel('Your name').fill('Dora Hill')
  await laptop.page.getByRole('button', { name: 'Make the key' }).click()
  await laptop.page.waitForURL(/\/doctor/)
  // The same doctor: the permission of before is there, and the lost device is shut out.
  await laptop.page.getByText('Bob Li').first().waitFor()
  await assert.rejects(dora.warrants(), { code: 'REQUEST_REJECTED' })
  await laptop.context.close()
  await jo.context.close()
})

test('a record key gets its next version, after a question', async () => {
  await page.goto(`${portal.url}/staff/people/${bob.ref}`)
  await page.getByText('The record server has version 1.').waitFor()
  await page.getByRole('button', { name: 'Make the next version' }).click()
  await page.getByRole('button', { name: 'Keep' }).click()
  await page.getByText('The record server has version 1.').waitFor()
  await page.getByRole('button', { name: 'Make the next version' }).click()
  await page.getByText('It cannot be undone.').waitFor()
  await page.getByRole('button', { name: 'Make the next version' }).click()
  await page.getByText('Version 2 is in use; the record server has it.').waitFor()
})

test('staff get roles, see what they may, and are refused what they may not', async () => {
  await page.goto(`${portal.url}/staff/register`)
  await page.getByText('Staff', { exact: true }).click()
  await page.getByLabel('Name', { exact: true }).fill('Tom Weiss')
  await page.getByLabel('Front desk').uncheck()
  await page.getByLabel(/have seen the identity document/).check()
  await page.getByRole('button', { name: 'Make a code' }).click()
  await page.getByText('Choose at least one.').waitFor()
  await page.getByLabel('Technical').check()
  await shoot(page, 'staff-register-roles')
  await page.getByRole('button', { name: 'Make a code' }).click()
  const tom = await portal.page()
  await tom.page.goto(`${portal.url}/join#${await codeOn(page)}`)
  await tom.page.getByRole('button', { name: 'Make the key' }).click()
  await tom.page.getByText('You work here as: Technical').waitFor()
  await tom.page.goto(`${portal.url}/staff/people`)
  await tom.page.getByText('Your role does not include this.').waitFor()
  assert.equal(await tom.page.getByRole('alert').count(), 0, 'a role is no fault')
  await shoot(tom.page, 'staff-forbidden')
  await tom.page.goto(`${portal.url}/staff/register`)
  await tom.page.getByText('Doctor', { exact: true }).waitFor()
  assert.equal(await tom.page.getByText('Staff', { exact: true }).count(), 0)
  await page.goto(`${portal.url}/staff/people`)
  await page.getByText('Staff', { exact: true }).click()
  await page.getByRole('link', { name: 'Tom Weiss' }).click()
  await page.getByRole('button', { name: /^Remove .* on / }).click()
  await shoot(page, 'staff-member')
  await page.getByRole('button', { name: 'Remove this device' }).click()
  await page.getByText('No device: this person cannot act').waitFor()
  await page.getByRole('button', { name: 'Make a code for a new device' }).click()
  const again = await codeOn(page)
  await tom.page.goto(`${portal.url}/staff`)
  await tom.page.getByRole('alert').first().waitFor()
  const fresh = await portal.page()
  await fresh.page.goto(`${portal.url}/join#${again}`)
  await fresh.page.getByRole('button', { name: 'Make the key' }).click()
  await fresh.page.getByText('You work here as: Technical').waitFor()
  await fresh.context.close()
  await tom.context.close()
})

test('one more device of a member of staff, when the numbers match', async () => {
  await page.goto(`${portal.url}/staff/device`)
  await page.getByRole('button', { name: 'Add a device' }).click()
  const link = (await page.getByTestId('link').innerText()).replaceAll(' ', '')
  const laptop = await portal.page()
  await laptop.page.goto(`${portal.url}/join#${link}`)
  await laptop.page.getByRole('button', { name: 'Make the key' }).click()
  const digits = page.locator('.th-digits')
  await digits.waitFor()
  assert.equal(await digits.innerText(), await laptop.page.locator('.th-digits').innerText())
  await shoot(page, 'staff-device')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByText('The device was added.').waitFor()
  await laptop.page.waitForURL(/\/staff/)
  await laptop.page.getByText('You work here as: Administrator').waitFor()
  await laptop.context.close()
})

test('an export is collected, found again after a reload, saved, and removed', async () => {
  await page.goto(`${portal.url}/staff/export`)
  await shoot(page, 'staff-export')
  await page.getByLabel('Results and measurements').check()
  await page.getByRole('button', { name: 'Start the export' }).click()
  const save = page.getByRole('button', { name: /Save Results and measurements/ })
  await save.waitFor()
  await page.reload()
  await save.waitFor()
  await shoot(page, 'staff-export-done')
  const download = page.waitForEvent('download')
  await save.click()
  const text = readFileSync(await (await download).path(), 'utf8')
  const [line = ''] = text.trim().split('\n')
  assert.match(line, /"resourceType":"Observation".*imported/)
  await page.getByRole('button', { name: 'Remove the files from the hospital' }).click()
  await page.getByRole('button', { name: 'Start the export' }).waitFor()
})

test('who may not read records exports none', async () => {
  const desk = await comeIn('Ida Desk', {}, ['front-desk'])
  await desk.page.goto(`${portal.url}/staff/export`)
  await desk.page.getByLabel('Results and measurements').check()
  await desk.page.getByRole('button', { name: 'Start the export' }).click()
  await desk.page.getByText('Your role does not include this.').waitFor()
  assert.equal(await desk.page.getByRole('button', { name: /^Save/ }).count(), 0)
  await desk.context.close()
})

test('the system in detail: the approved program, a copy; a program that is not approved any more is said', async () => {
  const { world } = portal
  await page.goto(`${portal.url}/staff/system`)
  await page.getByText('It runs an approved program.').waitFor()
  await page.getByRole('row', { name: /runs now/ }).waitFor()
  await page.getByText('Nothing waits.').waitFor()
  const kept = page.getByRole('region', { name: 'How long records are kept' })
  await kept.getByRole('row', { name: /Hospital A.*nothing stated/ }).waitFor()
  await page.getByRole('button', { name: 'Make a copy now' }).click()
  await page.getByText(/Made: registry-/).waitFor()
  await shoot(page, 'staff-system')
  const approve = (program: string) =>
    world.submitAsAdmin('a', 'setMeasurements', [world.serverRef, JSON.stringify([program])])
  const running = await page.locator('tbody code.th-long').first().innerText()
  await approve('ab'.repeat(32))
  await page.reload()
  await page.getByText(/^abab/).waitFor()
  await page.getByText('It runs an approved program.').waitFor({ state: 'detached' })
  await shoot(page, 'staff-system-unapproved')
  await approve(running)
})

test('a period that the hospital stated is shown, and how it is changed', async () => {
  await portal.world.submitAsAdmin('a', 'setRetention', ['3653'])
  await page.goto(`${portal.url}/staff/system`)
  const kept = page.getByRole('region', { name: 'How long records are kept' })
  await kept.getByRole('row', { name: /Hospital A.*10 years/ }).waitFor()
  await kept.getByText('Change a period, or release one record').click()
  await kept.getByText('trusthealth retention set 10y --hospital "Hospital A"').waitFor()
  await shoot(page, 'staff-retention')
})

test('Ctrl K finds a person by name and a screen by its', async () => {
  const find = page.getByRole('combobox', { name: 'Find patient or command' })
  await page.keyboard.press('Control+k')
  await find.fill('bob')
  await page.getByRole('option', { name: /^Bob Li/, selected: true }).waitFor()
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/staff\/people\/p-/)
  await page.getByRole('button', { name: 'Find patient or command' }).click()
  await find.fill('emergency go')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/staff\/emergencies$/)
})

test('no emergency access is said to be none; no violation of WCAG at phone width in the dark', async () => {
  await page.goto(`${portal.url}/staff/emergencies`)
  await page.getByText('No emergency access to your patients.').waitFor()
  const phone = await comeIn('Jo Weber', { width: 360, height: 740, dark: true, bypassCSP: true })
  const person = `/people/${bob.ref}`
  const paths = [
    '',
    '/register',
    '/book',
    '/people',
    person,
    '/import',
    '/export',
    '/emergencies',
    '/system',
    '/device',
  ]
  for (const path of paths) {
    await phone.page.goto(`${portal.url}/staff${path}`)
    await phone.page.locator('main h1').waitFor()
    await phone.page.waitForLoadState('networkidle')
    assert.deepEqual(await violationsOf(phone.page), [], path)
    const overflow = await overflowOf(phone.page)
    assert.equal(overflow, 0, path)
    await shoot(phone.page, `staff-phone${path.replace(bob.ref, 'bob').replaceAll('/', '-')}`)
  }
  await phone.context.close()
})

test('misuse is reported to the shared ledger after a question, and a verdict may follow a follow-up', async () => {
  const { world } = portal
  const eve = await world.doctor('Eve Stone', { hospital: 'b', emergency: true })
  await eve.openEmergency(bob.ref, 'other', 'curious about a neighbour')
  const reportsOf = async () => {
    const text = await world.ledger.ledger.query({ fn: 'misuseOf', args: [eve.ref] })
    return misuseRecordShape(JSON.parse(text), 'misuse').reports
  }
  await page.goto(`${portal.url}/staff/emergencies`)
  const card = page.getByRole('region', { name: /Eve Stone opened records of Bob Li/ })
  await card.getByRole('button', { name: 'Follow up' }).click()
  await card.getByText('To be followed up by Maria Ruiz').waitFor()
  await card.getByRole('button', { name: 'Report misuse' }).click()
  await card.getByText('It cannot be deleted.').waitFor()
  await shoot(page, 'staff-misuse-ask')
  await card.getByRole('button', { name: 'Not now' }).click()
  await card.getByRole('button', { name: 'Follow up' }).waitFor()
  assert.deepEqual(await reportsOf(), [], 'nothing is reported by a slip of the hand')
  await card.getByRole('button', { name: 'Report misuse' }).click()
  await card.getByText('It cannot be deleted.').waitFor()
  await card.getByRole('button', { name: 'Report misuse' }).click()
  await card.getByText('Found to be misuse by Maria Ruiz').waitFor()
  const [report, ...others] = await reportsOf()
  assert.deepEqual(others, [])
  assert.deepEqual(
    [report?.subject, report?.code, report?.reporter],
    [eve.ref, 'no-permission', world.hospitalRef('a')],
  )
  await card.getByText(`${report?.txId.slice(0, 16) ?? ''}…`).waitFor()
  assert.equal(await card.getByRole('button', { name: 'Report misuse' }).count(), 0)
  await shoot(page, 'staff-misuse-reported')
})

test('no message of the console, no other origin', () => {
  assert.deepEqual([watched.messages, watched.strangers], [[], []])
})
