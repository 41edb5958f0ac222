/**
 * Red seals in a real browser, each made by a real fault, and what a person can do then: a correction that is in the
 * shared ledger but was not given to the reader, and an approved program that shows another text than the one that was
 * signed. The text is folded away; the hospital is asked, and its staff see the question.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { StoredRecord } from '../../clients/sdk/src/index.ts'
import { encodeUtf8 } from '../../shared/crypto/src/index.ts'
import { batchSigningInput, type PatientRef } from '../../shared/protocol/src/index.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { changedPlaintext, throughOtherServer } from './other-server.ts'
import { findPatientRef, labResult, medicine, write } from './people.ts'
import { allowVisit } from './patient-steps.ts'
import { shoot } from './shoot.ts'

let portal: Portal
let patient: WatchedPage
let page: Page
let staff: WatchedPage
let bob: PatientRef
let lab: StoredRecord
let dose: StoredRecord

before(async () => {
  portal = await openPortal()
  patient = await portal.page({ bypassCSP: true })
  page = patient.page
  await portal.register(page, 'Bob Li', 'patient')
  staff = await portal.page({ bypassCSP: true })
  await portal.register(staff.page, 'Maria Ruiz', 'staff', { roles: ['administrator'] })
  bob = await findPatientRef(portal.world, 'Bob Li')
  const alice = await portal.world.doctor('Alice Martin')
  await allowVisit(portal, page, bob, alice)
  const stored = await write(alice, bob, labResult(47, '2026-11-14T08:00:00Z'), medicine())
  lab = stored[0] as StoredRecord
  dose = stored[1] as StoredRecord
  // Alice's correction reaches the shared ledger, and never the record server.
  const { options, identity, requestSigner } = alice
  const { commitment } = await alice.read(dose.recordId)
  const warrant = (await alice.warrants())[0]?.jws ?? ''
  const corrects = { record: dose.recordId, version: 1, ehrHash: commitment.ehrHash }
  const ehr = encodeUtf8(JSON.stringify(medicine()))
  const items = [(await alice.prepare({ patient: bob, warrant, ehr, corrects })).commitment]
  const signature = await identity.signer.sign(batchSigningInput(options.crypto, alice.ref, items))
  await options.hospital.commit(requestSigner, signature, items)
})
after(() => portal?.close())

const failedCheck = () => page.getByRole('alert').filter({ hasText: 'The text is folded away' })
const seal = () => page.locator('.th-title-row .th-seal:not([data-state=running])')

test('a hidden correction: the seal is red, the old text is folded away and can be shown', async () => {
  await page.goto(`${portal.url}/patient/record/${dose.recordId}`)
  await failedCheck()
    .getByText(/A newer version from \d+ \w+ \d{4} exists and was not given to you\./)
    .waitFor()
  await failedCheck().getByText('because it may be out of date').waitFor()
  assert.equal(await seal().getAttribute('data-state'), 'old-copy')
  assert.equal(await page.getByText('One tablet twice a day').count(), 0)
  assert.equal(await page.getByText('Show as data').count(), 0)
  await shoot(page, 'patient-red-seal')
  assert.deepEqual(await violationsOf(page), [])
  await page.getByRole('button', { name: 'Show anyway' }).click()
  await page.getByText('One tablet twice a day').waitFor()
})

test('from the red seal the hospital is asked; staff see which record and what the check found, and answer', async () => {
  await page.goto(`${portal.url}/patient/record/${dose.recordId}`)
  await failedCheck().getByRole('button', { name: 'Ask the hospital about this record' }).click()
  const sheet = page.getByRole('dialog', { name: 'Ask the hospital about this record' })
  await sheet.getByText(/A newer version from [^.]+ exists and was not given to you\.” \(STATE_ROLLED_BACK\)/).waitFor()
  await sheet.getByLabel('Your message').fill('Which dose should I take?')
  await shoot(page, 'patient-red-seal-ask')
  assert.deepEqual(await violationsOf(page), [])
  await sheet.getByRole('button', { name: 'Send to the hospital' }).click()
  await sheet.getByText('Sent.').waitFor()

  const desk = staff.page
  await desk.goto(`${portal.url}/staff/questions`)
  const asked = desk.getByRole('region', { name: 'Bob Li asks' })
  await asked.getByText(`about record ${dose.recordId}`).waitFor()
  await asked.getByText('Which dose should I take?').waitFor()
  await asked.getByText(/STATE_ROLLED_BACK/).waitFor()
  await asked.getByLabel('Answer').fill('One a day. We bring the correction again.')
  await asked.getByRole('button', { name: 'Send the answer' }).click()
  await asked.getByRole('heading', { name: /^Answered by Maria Ruiz/ }).waitFor()
  await page.goto(`${portal.url}/patient/messages`)
  await page.getByText('One a day. We bring the correction again.').waitFor()
})

test('another text than the one that was signed: red, no value and no plot, and the panel says only that', async () => {
  await throughOtherServer(portal, page, changedPlaintext(portal.world.crypto, '"value":47,', '"value":41,'))
  await page.goto(`${portal.url}/patient/record/${lab.recordId}`)
  await failedCheck().getByText('The text does not match what was signed.').waitFor()
  assert.equal(await seal().getAttribute('data-state'), 'wrong')
  assert.equal(await page.locator('.th-chart').count(), 0)
  assert.equal(await page.getByText('41 mmol/mol').count(), 0)
  await failedCheck().getByRole('button', { name: 'Ask the hospital about this record' }).waitFor()
  await seal().click()
  const panel = page.locator('.th-panel')
  await panel.getByRole('heading', { name: 'Do not rely on this' }).waitFor()
  assert.equal(await panel.locator('[data-check]').count(), 1)
  assert.equal(await panel.locator('[data-check=text][data-result=fail]').count(), 1)
})

test('no message of the console, no request to another origin', () => {
  for (const { messages, strangers } of [patient, staff]) {
    assert.deepEqual(messages, [])
    assert.deepEqual(strangers, [])
  }
})
