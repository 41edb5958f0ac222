/**
 * A patient asks the hospital why, and reports: staff see it, answer and report to the shared ledger; the patient reads
 * what came of it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { PatientRef } from '../../shared/protocol/src/index.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { overflowOf, shiftsOf, watchShifts } from './page-facts.ts'
import { findPatientRef } from './people.ts'
import { shoot } from './shoot.ts'

let portal: Portal
let patient: WatchedPage
let staff: WatchedPage
let bob: PatientRef

before(async () => {
  portal = await openPortal()
  patient = await portal.page({ bypassCSP: true })
  await portal.register(patient.page, 'Bob Li', 'patient')
  staff = await portal.page({ bypassCSP: true })
  await portal.register(staff.page, 'Maria Ruiz', 'staff', { roles: ['administrator'] })
  bob = await findPatientRef(portal.world, 'Bob Li')
  const wei = await portal.world.doctor('Wei Chen', { department: 'Emergency', emergency: true })
  await wei.openEmergency(bob, 'unconscious', 'unconscious on arrival')
  await wei.list(bob)
})
after(() => portal?.close())

const cardOf = (page: Page, name: string | RegExp) => page.getByRole('region', { name })

test('the patient asks why an emergency access was opened; staff answer; the patient reads it', async () => {
  const { page } = patient
  await page.goto(`${portal.url}/patient`)
  const notice = page.getByRole('alert').filter({ hasText: 'Emergency access.' })
  await notice.getByRole('button', { name: 'Ask why' }).click()
  const sheet = page.getByRole('dialog', { name: 'Ask why' })
  await sheet.getByText(/^About the emergency access by Dr Wei Chen on /).waitFor()
  const send = sheet.getByRole('button', { name: 'Send to the hospital' })
  assert.equal(await send.isDisabled(), true)
  await sheet.getByLabel('Your message').fill('I was awake.')
  await shoot(page, 'patient-ask')
  assert.deepEqual(await violationsOf(page), [])
  await send.click()
  await sheet.getByRole('link', { name: 'Open messages' }).click()
  await cardOf(page, /^Question of/)
    .getByText('Not answered yet.')
    .waitFor()

  const desk = staff.page
  await desk.goto(`${portal.url}/staff`)
  await desk.getByRole('link', { name: /questions to answer/ }).click()
  const asked = cardOf(desk, 'Bob Li asks')
  await asked.getByText('I was awake.').waitFor()
  await asked.getByLabel('Answer').fill('You did not react when you came in.')
  await shoot(desk, 'staff-questions')
  assert.deepEqual(await violationsOf(desk), [])
  await asked.getByRole('button', { name: 'Send the answer' }).click()
  await asked.getByRole('heading', { name: /^Answered by Maria Ruiz/ }).waitFor()

  await page.goto(`${portal.url}/patient`)
  await page.getByText('The hospital answered your question.').waitFor()
  await page.getByRole('button', { name: 'Read', exact: true }).click()
  await cardOf(page, /^Question of/)
    .getByText('You did not react when you came in.')
    .waitFor()
  await shoot(page, 'patient-messages')
  // Read: it does not stand on the first screen again.
  await page.goto(`${portal.url}/patient`)
  await page.getByRole('alert').filter({ hasText: 'Emergency access.' }).waitFor()
  assert.equal(await page.getByText('The hospital answered your question.').count(), 0)
})

test('a report leads staff to the review; the patient sees that it went to the shared ledger', async () => {
  const { page } = patient
  await page.goto(`${portal.url}/patient`)
  const notice = page.getByRole('alert').filter({ hasText: 'Emergency access.' })
  await notice.getByRole('button', { name: 'Report', exact: true }).click()
  const sheet = page.getByRole('dialog', { name: 'Report' })
  await sheet.getByText(/not your name and not this text/).waitFor()
  await sheet.getByRole('button', { name: 'Send to the hospital' }).click()
  await sheet.getByText('Sent.').waitFor()

  const desk = staff.page
  await desk.goto(`${portal.url}/staff/questions`)
  const report = cardOf(desk, 'Bob Li reports misuse')
  await report.getByText('The patient thinks that this access was misuse.').waitFor()
  await report.getByRole('link', { name: 'Review this emergency access' }).click()
  const review = cardOf(desk, /Wei Chen opened records of Bob Li/)
  await review.getByRole('button', { name: 'Report misuse' }).click()
  await review.getByRole('button', { name: 'Report misuse' }).click()
  await review.getByText('Found to be misuse by Maria Ruiz').waitFor()

  await page.goto(`${portal.url}/patient/messages`)
  await cardOf(page, /^Report of/)
    .getByText(/found misuse and reported it to the shared ledger/)
    .waitFor()
})

test('a line of who looked can be asked about', async () => {
  const { page } = patient
  await page.goto(`${portal.url}/patient/looked?kind=emergency`)
  const line = page.getByRole('listitem').filter({ hasText: 'opened an emergency access' })
  await line.getByRole('button', { name: 'Ask the hospital about this' }).click()
  const sheet = page.getByRole('dialog', { name: 'Ask the hospital about this' })
  await sheet.getByText(/“Dr Wei Chen opened an emergency access”/).waitFor()
  await sheet.getByRole('button', { name: 'Do not send' }).click()
  await sheet.waitFor({ state: 'detached' })
})

test('on a phone, in Chinese, in the dark: no violation of WCAG, no sideways scroll, nothing moves', async () => {
  const screens = [
    { people: patient, path: '/patient/messages', heading: '留言' },
    { people: staff, path: '/staff/questions', heading: '患者提问' },
  ]
  for (const { people, path, heading } of screens) {
    const { page } = people
    await page.evaluate(`localStorage.setItem('trusthealth.locale', 'zh-Hans')`)
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.setViewportSize({ width: 360, height: 740 })
    await watchShifts(page)
    await page.goto(`${portal.url}${path}`)
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor()
    await page.getByRole('region').first().waitFor()
    assert.deepEqual(await violationsOf(page), [])
    assert.equal(await overflowOf(page), 0)
    assert.deepEqual(await shiftsOf(page), [])
    await shoot(page, `${path.replaceAll('/', '-').slice(1)}-phone`)
  }
})

test('no message of the console, no request to another origin', () => {
  for (const { messages, strangers } of [patient, staff]) {
    assert.deepEqual(messages, [])
    assert.deepEqual(strangers, [])
  }
})
