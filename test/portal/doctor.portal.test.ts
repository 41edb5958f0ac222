/**
 * The doctor in a browser: sees who comes, opens a patient's records, writes a visit with values and units, signs it; the
 * draft survives a closed tab; a permission that was taken back shows; no record lies in the browser's storage.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { PatientClient } from '../../clients/sdk/src/index.ts'
import type { PractitionerRef, WarrantId } from '../../shared/protocol/src/index.ts'
import { visitNote } from '../../testkit/src/world/records.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { overflowOf, storageOf } from './page-facts.ts'
import { shoot } from './shoot.ts'

const PATIENCE_MS = 40_000
let portal: Portal
let bob: PatientClient
let page: Page
let watched: WatchedPage
let alice: PractitionerRef
/** Permissions that name the doctor. */
const given: WarrantId[] = []

before(async () => {
  portal = await openPortal()
  const { world } = portal
  bob = await world.patient('Bob Li')
  watched = await portal.page()
  page = watched.page
  page.setDefaultTimeout(PATIENCE_MS)
  await portal.register(page, 'Alice Martin', 'practitioner', { department: 'Cardiology' })
  const staff = world.hospital('a')
  const directory = await staff.options.hospital.practitioners(staff.requestSigner)
  alice = directory.find(({ name }) => name === 'Alice Martin')?.ref as PractitionerRef
  await staff.assign({
    patient: bob.ref,
    department: 'Cardiology',
    fromMs: world.clock.nowMs(),
    symptoms: '',
    aux: '',
    doctors: [alice],
  })
})
after(() => portal?.close())

test('before the patient answers, nothing can be opened and the row says so', async () => {
  await page.goto(`${portal.url}/doctor`)
  const row = page.getByRole('row', { name: /Bob Li/ })
  await row.getByText('waiting for the patient').waitFor()
  await row.getByText(`${ageOf('1962-03-03')}y`, { exact: true }).waitFor()
  const lights = page.getByRole('list', { name: 'State of the parts' })
  await lights.locator('[data-state=good]').nth(2).waitFor()
  assert.deepEqual(
    (await lights.getByRole('listitem').allInnerTexts()).map((one) => one.replaceAll(/\s+/g, ' ').trim()),
    ['Server answers', 'Ledger answers', 'Outbox nothing waits'],
  )
  assert.equal(await row.getByRole('link', { name: /^Open/ }).count(), 0)
  await row.getByRole('button', { name: /^Remind/ }).click()
  await row.getByText(/^reminded /).waitFor()
  assert.equal(await row.getByRole('button', { name: /^Remind/ }).count(), 0, 'once an hour')
  assert.ok((await bob.appointments())[0]?.remindedMs !== undefined)
  assert.equal(await row.getByRole('button', { name: /Emergency/ }).count(), 0, 'not without the attribute')
  await shoot(page, 'doctor-day-waiting')
})

test('a visit is written, signed and recorded, and stands in the chart with its seal', async () => {
  const { world } = portal
  given.push((await world.permit(bob, [{ ref: alice }])).jti)
  await page.reload()
  await page
    .getByRole('row', { name: /Bob Li/ })
    .getByRole('link', { name: /^Open/ })
    .click()
  await page.getByRole('heading', { name: 'Bob Li', exact: true }).waitFor()
  await page.getByText(`03-Mar-1962 (${ageOf('1962-03-03')}y)`).waitFor()
  await page.getByLabel('Reason for the visit').fill('Control of blood sugar')
  await page.getByRole('button', { name: 'Add observation' }).click()
  const name = page.getByRole('combobox', { name: 'Observation', exact: true })
  await name.fill('HbA1c')
  await page.getByRole('option', { name: 'HbA1c', exact: true }).click()
  await page.getByRole('button', { name: 'Sign and store' }).click()
  await page.getByRole('alert').getByText('Write a number').first().waitFor()
  await shoot(page, 'doctor-write-problems')
  await page.getByLabel('Value').fill('47.0')
  await page.getByLabel('Usual to').fill('42')
  await page.getByLabel('Flag').selectOption('H')
  await page.getByRole('textbox', { name: 'Note' }).fill('canary-note-7f3c: weight stable')
  // A ledger that is slow: signed and on its way, and nothing says that it is recorded.
  let answer = () => {}
  const slow = new Promise<void>((resolve) => (answer = resolve))
  await page.route(/\/v1\/commitments/, async (route) => {
    await slow
    await route.continue()
  })
  await page.getByRole('button', { name: 'Sign and store' }).click()
  await page.getByText(/^Signed \d\d:\d\d\. Being recorded…$/).waitFor()
  await shoot(page, 'doctor-being-recorded')
  assert.equal(await page.getByText(/Recorded .* block/).count(), 0)
  answer()
  await page.getByText(/Recorded .* block \d+/).waitFor()
  await page.unroute(/\/v1\/commitments/)
  await page.getByRole('button', { name: /HbA1c/ }).first().waitFor()
  await page.locator('[data-state="verified"]').first().waitFor()
  await shoot(page, 'doctor-signed')
  const { items } = await bob.records()
  assert.deepEqual(items.map(({ resourceType }) => resourceType).toSorted(), [
    'DocumentReference',
    'Encounter',
    'Observation',
  ])
  const lab = items.find(({ resourceType }) => resourceType === 'Observation')
  assert.ok(lab !== undefined)
  const read = await bob.read(lab.record)
  assert.ok(new TextDecoder().decode(read.ehr).includes('"value":47.0,'), 'digits as typed')
  assert.ok((await bob.verify(read)).checks.every(({ result }) => result === 'pass'))
})

test('labs show value, flag and course; the seal tells what was checked', async () => {
  await page.getByText('Labs', { exact: true }).click()
  const row = page.getByRole('row', { name: /HbA1c/ })
  await row.getByText('high').waitFor()
  await shoot(page, 'doctor-labs')
  await page.locator('.th-seal[data-state="verified"]').first().click()
  await page.getByRole('dialog').getByText('Text matches its fingerprint').waitFor()
  await page.keyboard.press('Escape')
})

test('a result is corrected: the form is filled in, the next version is recorded, the old one stays readable', async () => {
  await page
    .getByRole('button', { name: /^HbA1c/ })
    .first()
    .click()
  await page.getByRole('button', { name: 'Correct HbA1c' }).click()
  const form = page.getByRole('region', { name: 'Correct: HbA1c' })
  const value = form.getByLabel('Value')
  await value.waitFor()
  assert.equal(await value.inputValue(), '47.0', 'digits as signed')
  await form.getByText(/^Replaces the version of .*; the old one stays readable\.$/).waitFor()
  await form.getByRole('button', { name: 'Sign the correction' }).click()
  await form.getByText(/^Nothing is changed yet/).waitFor()
  await value.fill('4,6x')
  await form.getByRole('button', { name: 'Sign the correction' }).click()
  await form.getByText('Write a number', { exact: false }).first().waitFor()
  await value.fill('46.50')
  await shoot(page, 'doctor-correct')
  await form.getByRole('button', { name: 'Sign the correction' }).click()
  await form.getByText(/Recorded .* block \d+/).waitFor()
  await form.getByRole('button', { name: 'Show the new version' }).click()
  await page.getByRole('button', { name: /^HbA1c.*46\.50.*corrected, version 2/ }).waitFor()
  const { items } = await bob.records()
  const lab = items.find(({ resourceType }) => resourceType === 'Observation')
  assert.ok(lab !== undefined)
  const [newest, first] = [await bob.read(lab.record), await bob.read(lab.record, { version: 1 })]
  assert.deepEqual([newest.version, first.version], [2, 1])
  assert.ok(new TextDecoder().decode(newest.ehr).includes('"status":"corrected"'))
  assert.ok(new TextDecoder().decode(newest.ehr).includes('"value":46.50,'), 'digits as typed')
  assert.ok(new TextDecoder().decode(first.ehr).includes('"value":47.0,'))
  assert.ok((await bob.verify(newest)).checks.every(({ result }) => result === 'pass'))
  await page.locator('.th-seal[data-state="verified"]').first().click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Compare with version 1/ })
    .click()
  await page.getByRole('dialog').getByText('47', { exact: false }).first().waitFor()
  await page.keyboard.press('Escape')
})

test('a record that was written in error is marked, makes no result, and stays readable', async () => {
  await page.getByText('Labs', { exact: true }).click()
  await page.getByRole('button', { name: 'Correct HbA1c' }).click()
  const form = page.getByRole('region', { name: 'Correct: HbA1c' })
  await form.getByLabel('This was written in error').check()
  await form.getByRole('button', { name: 'Sign the correction' }).click()
  await form.getByText(/Recorded .* block \d+/).waitFor()
  await form.getByRole('button', { name: 'Show the new version' }).click()
  await page.getByRole('button', { name: /^HbA1c.*Written in error/ }).waitFor()
  assert.equal(await page.getByRole('row', { name: /HbA1c/ }).count(), 0, 'no result in the table')
  await shoot(page, 'doctor-in-error')
})

test('a draft survives a closed tab, and its words are not in the browser’s storage', async () => {
  await page.getByRole('button', { name: 'Write another' }).click()
  await page.getByRole('textbox', { name: 'Note' }).fill('canary-draft-91aa: half a sentence')
  await page.getByText(/Draft saved/).waitFor()
  const kept = await storageOf(page)
  assert.ok(kept.includes('trusthealth-doctor drafts'), 'the draft was looked at')
  assert.equal(kept.includes('canary'), false)
  await page.close()
  page = await watched.context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(`${portal.url}/doctor`)
  await page.getByRole('link', { name: /Bob Li, saved/ }).click()
  const note = page.getByRole('textbox', { name: 'Note' })
  await note.waitFor()
  while ((await note.inputValue()) === '') await page.waitForTimeout(50)
  assert.equal(await note.inputValue(), 'canary-draft-91aa: half a sentence')
})

test('a group writes in turn: this doctor adds to what came and passes it on', async () => {
  const { world } = portal
  const wei = await world.doctor('Wei Chen', { department: 'Emergency' })
  const ada = await world.doctor('Ada Okoye', { department: 'General' })
  const { warrant, jti: groupJti } = await world.permit(bob, [wei, { ref: alice }, ada])
  given.push(groupJti)
  await wei.startChain(bob.ref, visitNote('heart sounds regular'), warrant)
  await page.goto(`${portal.url}/doctor`)
  await page.getByText('group, your turn (2 of 3)').waitFor()
  await page.getByRole('link', { name: /^Continue/ }).click()
  await page.getByRole('list', { name: 'Order of the group' }).getByText('You').waitFor()
  await page.getByText('heart sounds regular').first().waitFor()
  await shoot(page, 'doctor-group')
  await page.getByRole('textbox', { name: 'Note' }).fill('ECG without findings')
  await page.getByRole('button', { name: 'Add and pass on' }).click()
  await page.getByText('Signed and passed on.').waitFor()
  const [turn] = await ada.chainTurns()
  assert.ok(turn !== undefined)
  assert.deepEqual(await ada.checkTurn(turn), [wei.ref, alice, ada.ref])
  const stored = await ada.addToChain(turn, visitNote('control in six weeks'), warrant)
  assert.equal(stored?.receipts.length, 3)
})

test('an emergency access needs a reason, has a red frame and a countdown, and ends when it is closed', async () => {
  const { world } = portal
  const other = await portal.page({ bypassCSP: true })
  other.page.setDefaultTimeout(PATIENCE_MS)
  await portal.register(other.page, 'Chen Wei', 'practitioner', { department: 'Emergency', emergency: true })
  const staff = world.hospital('a')
  const directory = await staff.options.hospital.practitioners(staff.requestSigner)
  const ref = directory.find(({ name }) => name === 'Chen Wei')?.ref as PractitionerRef
  const wish = {
    patient: bob.ref,
    department: 'Emergency',
    fromMs: world.clock.nowMs(),
    symptoms: '',
    aux: '',
    doctors: [ref],
  }
  await staff.assign(wish)
  await other.page.goto(`${portal.url}/doctor`)
  await other.page.getByRole('button', { name: /Emergency access/ }).click()
  const sheet = other.page.getByRole('dialog')
  assert.match(
    await sheet.locator('.th-emergency-who').innerText(),
    /Bob Li\s+Born 03-Mar-1962 \(\d+y\)\s+No\. \w{4} \w{3} \w{3}/,
  )
  await sheet.getByRole('button', { name: 'Open for this visit' }).click()
  await sheet.getByText('Choose a reason.').waitFor()
  await sheet.getByLabel('unconscious').check()
  await sheet.getByLabel('What happened').fill('unconscious on arrival')
  assert.deepEqual(await violationsOf(other.page), [])
  await shoot(other.page, 'doctor-emergency-sheet')
  await sheet.getByRole('button', { name: 'Open for this visit' }).click()
  await other.page.getByText(/\d:\d\d:\d\d left/).waitFor()
  await other.page.getByRole('button', { name: /HbA1c/ }).first().waitFor()
  await shoot(other.page, 'doctor-emergency')
  assert.deepEqual(await violationsOf(other.page), [])
  const [opened] = await bob.emergencies()
  assert.deepEqual([opened?.doctor, opened?.text], [ref, 'unconscious on arrival'])
  await other.page.getByRole('button', { name: 'Close emergency access' }).click()
  await other.page.getByRole('button', { name: 'Close emergency access' }).waitFor({ state: 'detached' })
  assert.ok((await bob.emergencies()).every(({ open }) => !open))
  await other.context.close()
})

test('a permission that was taken back shows on the day, and nothing can be opened any more', async () => {
  for (const jti of given) await bob.revokeWarrant(jti)
  await page.goto(`${portal.url}/doctor`)
  const row = page.getByRole('row', { name: /Bob Li/ }).first()
  await row.getByText(/taken back/).waitFor()
  assert.equal(await row.getByRole('link', { name: /^Open/ }).count(), 0)
  await shoot(page, 'doctor-day-taken-back')
})

test('by keyboard alone: find, open, and reach the form; no violation of WCAG at phone width in Chinese', async () => {
  const find = page.getByRole('combobox', { name: 'Find patient or command' })
  const open = async (question: string) => {
    await page.keyboard.press('Control+k')
    await find.and(page.locator(':focus')).waitFor()
    await page.keyboard.type(question)
  }
  await open('bob')
  await page.getByRole('option', { name: /^Bob Li.*03-Mar-1962/, selected: true }).waitFor()
  await shoot(page, 'doctor-palette')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/doctor\/patient\//)
  // From there, too; a command, by an arrow; what nobody is called.
  await page.locator('h1').first().waitFor()
  await open('nobody is called so')
  await page.getByText('Nothing is called nobody is called so.').waitFor()
  await find.fill('go to')
  await page.getByRole('option', { name: /^Today/, selected: true }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/doctor\/outbox$/)
  await open('to')
  await page.keyboard.press('Escape')
  await find.waitFor({ state: 'detached' })
  const phone = await portal.page({ width: 360, height: 740, locale: 'zh-CN', bypassCSP: true })
  phone.page.setDefaultTimeout(PATIENCE_MS)
  const { code } = await portal.world
    .hospital('a')
    .invite({ kind: 'practitioner', name: 'Emi Sato', department: 'General' })
  await phone.page.goto(`${portal.url}/join#${code}`)
  await phone.page.locator('main input').nth(1).fill('Emi Sato')
  await phone.page.locator('main button[type=submit]').first().click()
  await phone.page.waitForURL(/\/doctor/)
  await phone.page.locator('main h1').waitFor()
  assert.deepEqual(await violationsOf(phone.page), [])
  assert.equal(await overflowOf(phone.page), 0)
  await shoot(phone.page, 'doctor-phone-zh')
  await phone.context.close()
})

/** Whole years today. */
function ageOf(birthDate: string): number {
  return Math.floor((Date.now() - Date.parse(birthDate)) / (365.2425 * 86_400_000))
}

test('no message of the console, no other origin', () => {
  assert.deepEqual([watched.messages, watched.strangers], [[], []])
})
