/**
 * The patient's main path, in a real browser against a whole system: register, allow, read, check, see who looked, give and
 * take back, a recovery file, a second device, everything downloaded and checked again. On the way nothing may be refused
 * by the page's policy and no other origin may be asked.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import { encodeUtf8 } from '../../shared/crypto/src/index.ts'
import type { PatientRef } from '../../shared/protocol/src/index.ts'
import { refusedWith } from '../../testkit/src/world/index.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, PATIENCE_MS, type Portal } from './harness.ts'
import { overflowOf } from './page-facts.ts'
import { shoot } from './shoot.ts'
import {
  bloodPressure,
  book,
  condition,
  findPatientRef,
  labResult,
  medicine,
  pathologyReport,
  visitNote,
  write,
} from './people.ts'

const CANARY = 'canary-in-the-note'

let portal: Portal
let watched: WatchedPage
let page: Page
let alice: DoctorClient
let bob: PatientRef

before(async () => {
  portal = await openPortal()
  watched = await portal.page()
  page = watched.page
  await portal.register(page, 'Bob Li', 'patient')
  alice = await portal.world.doctor('Alice Martin', { department: 'Cardiology' })
  bob = await findPatientRef(portal.world, 'Bob Li')
})

after(async () => {
  await portal.close()
})

/** The program is kept for times without a connection some seconds after it was loaded. */
async function programIsKept(): Promise<void> {
  const count = `caches.open('trusthealth-program').then((cache) => cache.match('/')).then((found) => found !== undefined)`
  const deadlineMs = Date.now() + PATIENCE_MS
  while (!(await page.evaluate<boolean>(count))) {
    if (Date.now() > deadlineMs) throw new Error('the program was not kept')
    await page.waitForTimeout(250)
  }
}

const go = (path: string) => page.goto(`${portal.url}/patient${path}`)

test('a new patient sees why the list is empty, and that this is a practice system', async () => {
  await page.getByText('No records yet.').waitFor()
  await page.getByRole('complementary', { name: 'Practice system' }).waitFor()
})

test('a request for permission is answered with one signature, and then the doctor can write', async () => {
  await book(portal.world, bob, alice)
  const [visit] = await alice.appointments()
  assert.ok(visit !== undefined)
  await alice.remind(visit.appointmentId)
  await page.reload()
  await page.getByText(/Your doctor asked again on /).waitFor()
  await page.getByRole('button', { name: 'Review' }).click()
  await page.getByText('The hospital cannot sign for you.').waitFor()
  // Refused, it waits no longer; it can still be allowed.
  await page.getByText('If you refuse, your appointment stays.').waitFor()
  await page.getByRole('button', { name: 'Refuse' }).click()
  await page.getByText('No records yet.').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Review' }).count(), 0)
  await go('/access')
  await page.getByText('You refused. You can still allow it.').waitFor()
  await page.getByRole('button', { name: 'Review' }).click()
  await page.getByRole('button', { name: 'Allow and sign' }).click()
  await page.getByRole('heading', { name: 'Allowed' }).waitFor()
  await write(
    alice,
    bob,
    labResult(39, '2025-05-10T08:00:00Z'),
    labResult(44, '2026-02-12T08:00:00Z'),
    labResult(47, '2026-11-14T08:00:00Z', CANARY),
    medicine(),
    bloodPressure(),
    condition(),
    visitNote(),
  )
  await go('')
  await page.getByText('7 verified unchanged').waitFor()
})

test('the list reads like health records: values with flags, dates as recorded, newest first', async () => {
  const rows = await page.locator('.th-row').allInnerTexts()
  assert.equal(rows.length, 7)
  const flat = rows.map((row) => row.replaceAll(/\s+/g, ' '))
  assert.ok(
    flat.some((row) =>
      row.startsWith('HbA1c (blood sugar over 3 months) 47 mmol/mol ▲ high 14 Nov 2026 · Dr Alice Martin'),
    ),
    flat.join('\n'),
  )
  assert.ok(
    flat.some((row) => row.startsWith('Type 2 diabetes 2024 · Dr Alice Martin')),
    flat.join('\n'),
  )
  const headings = await page.locator('h2.th-group').allInnerTexts()
  assert.deepEqual(headings, ['November 2026', 'February 2026', 'May 2025', 'January 2024'])
  await page.getByRole('searchbox').fill('metformin')
  await page.getByText('for “metformin”').waitFor()
  await page.getByRole('searchbox').fill('')
})

test('the panel shows seven checks that ran here; checking again runs them again', async () => {
  await page.getByRole('button', { name: /Blood pressure\. Show what was checked/ }).click()
  const panel = page.locator('.th-panel')
  await panel.getByRole('heading', { name: 'Verified unchanged (practice)' }).waitFor()
  assert.equal(await panel.locator('[data-result=pass]').count(), 7)
  const earlier = await panel.getByText(/^checked /).innerText()
  await page.waitForTimeout(1_100)
  const reads = page.waitForRequest(/endorsed-reads/)
  await panel.getByRole('button', { name: 'Check again now' }).click()
  await reads
  await panel.getByText(earlier).waitFor({ state: 'detached' })
  const download = page.waitForEvent('download')
  await panel.getByRole('button', { name: 'Download with proofs' }).click()
  const text = readFileSync(await (await download).path(), 'utf8')
  assert.match(text, /"trusthealth": "record\/1"/)
  await page.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
  const focused = await page.locator(':focus').getAttribute('aria-label')
  assert.match(focused ?? '', /Blood pressure/)
})

test('a result shows its plot with text and table, and the keyboard reads its points', async () => {
  await page.getByRole('link', { name: 'HbA1c' }).first().click()
  await page.getByText('3 results from 10 May 2025 to 14 Nov 2026').waitFor()
  const chart = page.getByRole('group', { name: /HbA1c over time/ })
  await chart.focus()
  await page.keyboard.press('ArrowLeft')
  await page.getByText('44 mmol/mol, high, 12 Feb 2026').waitFor()
  await page.getByText('Show as table').click()
  assert.equal(await page.locator('.th-table tbody tr').count(), 3)
  await page.getByText(CANARY).first().waitFor()
})

test('two blood pressures make one plot, both numbers of each', async () => {
  await write(alice, bob, bloodPressure(131, 80, '2026-02-14T08:00:00Z'))
  await go('')
  await page.getByRole('link', { name: 'Blood pressure' }).first().click()
  const chart = page.getByRole('group', { name: /Blood pressure over time/ })
  await chart.focus()
  await page.keyboard.press('Home')
  await page.getByText('131/80 mmHg, high / in the usual range, 14 Feb 2026').waitFor()
  assert.equal(await page.locator('.th-chart-bar').count(), 2)
  await shoot(page, 'patient-pressure')
})

test('a correction keeps the earlier text, and the panel shows what it changed', async () => {
  const [first] = await write(alice, bob, visitNote('Bob feels well. No chest pain. Next visit in three months.'))
  assert.ok(first !== undefined)
  const { commitment, version } = await alice.read(first.recordId)
  const [held] = await alice.warrants()
  await alice.store({
    patient: bob,
    warrant: held?.jws ?? '',
    ehr: encodeUtf8(JSON.stringify(visitNote('Bob feels well. Some chest pain. Next visit in three months.'))),
    corrects: { record: first.recordId, version, ehrHash: commitment.ehrHash },
  })
  await go(`/record/${first.recordId}`)
  await page.getByRole('button', { name: /Show what was checked/ }).click()
  const panel = page.locator('.th-panel')
  await panel.getByRole('button', { name: 'Compare with version 1' }).click()
  await panel.locator('del').getByText('No', { exact: true }).waitFor()
  await panel.locator('ins').getByText('Some', { exact: true }).waitFor()
  await shoot(page, 'patient-compare')
  await page.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
})

test('who looked names people, in one line for what belongs together', async () => {
  await go('/looked')
  await page
    .getByText(/Dr Alice Martin stored \d+ records?/)
    .first()
    .waitFor()
  await page.getByText('under your permission for an appointment').first().waitFor()
})

test('access is given in two clicks, and a doctor can use it', async () => {
  const omar = await portal.world.doctor('Omar Haddad', { department: 'General' })
  await assert.rejects(omar.list(bob), refusedWith('ACCESS_DENIED'))
  await go('/access')
  await page.getByRole('button', { name: 'Give access: Dr Omar Haddad' }).click()
  await page.getByText('Dr Omar Haddad (Hospital A) may see').waitFor()
  // Two clicks: the second button is in sight without scrolling.
  const button = page.getByRole('dialog').getByRole('button', { name: 'Give access' })
  await button.waitFor()
  const box = await button.boundingBox()
  assert.ok(box !== null && box.y > 0 && box.y + box.height <= 800, JSON.stringify(box))
  await shoot(page, 'patient-give')
  await button.click()
  await page.getByRole('heading', { name: 'Dr Omar Haddad has access now' }).waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  const { items } = await omar.list(bob)
  assert.deepEqual([...new Set(items.map(({ ehrType }) => ehrType))].toSorted(), ['lab', 'medicine'])
})

test('an end is typed into three fields, said in words, and must be a day to come', async () => {
  await go('/access')
  await page.getByRole('button', { name: 'Give access: Dr Omar Haddad' }).click()
  const sheet = page.getByRole('dialog')
  await sheet.getByText('A date', { exact: true }).click()
  const give = sheet.getByRole('button', { name: 'Give access' })
  const end = sheet.getByRole('group', { name: 'Until the end of' })
  const year = String(new Date().getFullYear() + 1)
  await end.getByLabel('Day').focus()
  // From field to field by keyboard.
  for (const [part, text] of [
    ['day', '31'],
    ['month', '2'],
    ['year', year],
  ] as const) {
    await end.locator(`[data-part=${part}]`).fill(text)
    await page.keyboard.press('Tab')
  }
  await end.getByText('Day, month and year of a day that there is').waitFor()
  assert.equal(await give.isDisabled(), true)
  await end.getByLabel('Month').fill('3')
  await sheet.getByText(`until 31 Mar ${year}.`).waitFor()
  assert.match(await end.getByRole('status').innerText(), new RegExp(`^[A-Z][a-z]+day, 31 Mar ${year}$`))
  assert.equal(await give.isDisabled(), false)
  await end.getByLabel('Year').fill('2020')
  await end.getByText('A day that is still to come.').waitFor()
  assert.equal(await give.isDisabled(), true)
  await page.setViewportSize({ width: 320, height: 640 })
  await shoot(page, 'patient-give-date-320')
  assert.equal(await overflowOf(page), 0)
  await page.setViewportSize({ width: 1280, height: 800 })
  await sheet.getByRole('button', { name: 'Cancel' }).click()
})

test('with a doctor whom one will see, access can end with the visit', async () => {
  await page.getByRole('button', { name: 'Give access: Dr Alice Martin' }).click()
  const sheet = page.getByRole('dialog')
  await sheet.getByText('End of visit', { exact: true }).click()
  await sheet.getByText(/until \d+ \w+ \d{4}, \d\d:\d\d\./).waitFor()
  await shoot(page, 'patient-give-visit')
  await sheet.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: 'Give access: Dr Omar Haddad' }).click()
  await sheet.getByText('30 days', { exact: true }).waitFor()
  assert.equal(await sheet.getByText('End of visit', { exact: true }).count(), 0)
  await sheet.getByRole('button', { name: 'Cancel' }).click()
})

test('taken back: shown as such only when the ledger has it; then the doctor is refused', async () => {
  const omar = await portal.world.doctor('Omar Haddad')
  // The hospital has no ledger to pass it on to.
  await page.route(/\/v1\/ledger\/submit$/, (route) =>
    route.fulfill({ status: 503, json: { code: 'LEDGER_UNAVAILABLE', meaning: '', action: '' } }),
  )
  await page.getByRole('button', { name: 'Take back: Dr Omar Haddad' }).click()
  await page.getByRole('button', { name: 'Take back', exact: true }).first().click()
  await page.getByText('Not taken back yet. The shared ledger does not answer.').waitFor()
  assert.equal(await page.getByText(/^Taken back \d/).count(), 0)
  await page.unroute(/\/v1\/ledger\/submit$/)
  // It is sent again by itself.
  await page
    .getByText(/^Taken back /)
    .first()
    .waitFor()
  await assert.rejects(omar.list(bob), refusedWith('GRANT_REVOKED', 'ACCESS_DENIED'))
  await go('/looked?kind=refused')
  await page
    .getByText(/Dr Omar Haddad asked and was refused/)
    .first()
    .waitFor()
})

test('everything but one record is given, then that one record alone: the doctor opens exactly that', async () => {
  const lina = await portal.world.doctor('Lina Okoye', { department: 'Dentistry' })
  const own = await portal.world.hospital('a').list(bob)
  const kept = own.items.find(({ title }) => title === 'Metformin 500 mg')
  assert.ok(kept !== undefined)
  await go('/access')
  await page.getByRole('button', { name: 'Give access: Dr Lina Okoye' }).click()
  const sheet = page.getByRole('dialog')
  await sheet.getByText('All except…').click()
  await sheet.getByLabel('Metformin 500 mg').check()
  await sheet.getByText('all kinds of records, except Metformin 500 mg (14 Nov 2026)').waitFor()
  await shoot(page, 'patient-give-except')
  await sheet.getByRole('button', { name: 'Give access' }).click()
  await sheet.getByText('Dr Lina Okoye can open 8 records from now on.').waitFor()
  await sheet.getByRole('button', { name: 'Close' }).last().click()
  await page.getByText('all kinds of records, except 1 record, for treatment').waitFor()
  assert.equal((await lina.list(bob)).items.length, 8)
  await assert.rejects(lina.read(kept.record), refusedWith('GRANT_SCOPE_EXCEEDED'))

  await go(`/record/${kept.record}`)
  await page.getByRole('link', { name: 'Let somebody see this record' }).click()
  await page.getByText('Choose who may see this one record.').waitFor()
  await page.getByRole('button', { name: 'Give access: Dr Lina Okoye' }).click()
  await sheet.getByText('may see Metformin 500 mg (14 Nov 2026)').waitFor()
  await sheet.getByRole('button', { name: 'Give access' }).click()
  await sheet.getByText('Dr Lina Okoye can open 1 record from now on.').waitFor()
  await lina.read(kept.record)
})

test('a new result that may be hard to read is shown to be there, and opens on a choice', async () => {
  const [stored] = await write(alice, bob, pathologyReport('No sign of cancer.'))
  const open = page.getByRole('button', { name: 'Open now' })
  await go('')
  const row = page.locator(`[data-record="${stored?.recordId}"]`)
  await row.getByText('New. It opens when you choose.').waitFor()
  await row.getByRole('link', { name: 'Pathology report' }).click()
  await page.getByText('Your doctor has not talked with you about it yet.').waitFor()
  await shoot(page, 'patient-asks-first')
  assert.equal(await page.getByText('No sign of cancer.').count(), 0)
  await page.getByRole('button', { name: 'Remind me after my visit' }).click()
  await page.getByText(/^You will be reminded here after your visit/).waitFor()
  // The visit is over: the reminder stands on the first screen.
  await page.evaluate(`(() => {
    const key = Object.keys(localStorage).find((name) => name.startsWith('trusthealth.results.'))
    localStorage.setItem(key, localStorage.getItem(key).replace(/"remindMs":\\d+/, '"remindMs":1'))
  })()`)
  await go('')
  await page.getByRole('button', { name: 'See the result' }).click()
  await open.click()
  await page.getByText('No sign of cancer.').first().waitFor()
  await go('')
  await row.waitFor()
  await row.locator('[data-state=verified]').waitFor()
  assert.equal(await row.getByText('New. It opens when you choose.').count(), 0)
  assert.equal(await page.getByRole('button', { name: 'See the result' }).count(), 0)
})

test('an emergency access stands at the top until it was seen', async () => {
  const wei = await portal.world.doctor('Wei Chen', { department: 'Emergency', emergency: true })
  await wei.openEmergency(bob, 'unconscious', 'unconscious on arrival')
  const { items } = await wei.list(bob)
  await wei.read((items[0] as (typeof items)[number]).record)
  await go('')
  const notice = page.getByRole('alert').filter({ hasText: 'Emergency access.' })
  await notice.getByText(/Wei Chen, Hospital A, opened 1 record on .* without asking you first\./).waitFor()
  await notice.getByText('unconscious on arrival').waitFor()
  await notice.getByRole('button', { name: 'I have seen this' }).click()
  await notice.waitFor({ state: 'detached' })
  await go('/looked?kind=emergency')
  await page.getByText(/Dr Wei Chen opened an emergency access/).waitFor()
})

test('everything is downloaded with proofs, and checked without a connection; a changed file is noticed', async () => {
  await go('/download')
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download', exact: true }).click()
  const file = readFileSync(await (await waiting).path(), 'utf8')
  const bundle = JSON.parse(file) as { resourceType: string; entry: unknown[] }
  assert.equal(bundle.resourceType, 'Bundle')
  assert.equal(bundle.entry.length, 11)
  const checks = async (text: string) => {
    await page.locator('input[type=file]').setInputFiles({
      name: 'my-records.fhir.json',
      mimeType: 'application/json',
      buffer: Buffer.from(text),
    })
  }
  await page.getByRole('link', { name: 'Check a downloaded file' }).click()
  await page.getByRole('heading', { name: 'Check a downloaded file' }).waitFor()
  await programIsKept()
  await watched.context.setOffline(true)
  await page.getByText('You are offline.').waitFor()
  await checks(file)
  await page.getByText('Checked against the ledger keys that this browser knows').waitFor()
  // The server cannot be asked: that one check is said to be missing, and nothing is green.
  await page.getByText('10 not fully checked').waitFor()
  await page.locator('button.th-seal').first().click()
  await page.locator('.th-check').nth(6).waitFor()
  assert.equal(await page.locator('.th-check[data-result=pass]').count(), 6)
  assert.equal(await page.locator('.th-check[data-result=skip]').count(), 1)
  await page.keyboard.press('Escape')
  await checks(file.replace('"value": 47', '"value": 40'))
  await page.getByText('1 record has no proof in this file').waitFor()
  await watched.context.setOffline(false)
})

test('a recovery file and its words make a key in another browser, which reads the records', async () => {
  await go('/keys')
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save recovery file' }).click()
  const file = await (await waiting).path()
  await page.locator('.th-words li').nth(5).waitFor()
  const words = await page.locator('.th-words li').allInnerTexts()
  assert.equal(words.length, 6)
  assert.ok(!words.some((word) => readFileSync(file, 'utf8').includes(`"${word}"`)))
  await page.getByRole('button', { name: 'I have written them down' }).click()
  const done = page.getByRole('button', { name: 'Done' })
  assert.equal(await done.isDisabled(), true)
  await page.getByLabel('Word 2').fill(words[1] ?? '')
  await page.getByLabel('Word 5').fill(words[4] ?? '')
  await done.click()
  await page.getByText(/^Saved on /).waitFor()

  const other = await portal.page()
  await other.page.goto(`${portal.url}/join`)
  await other.page.getByText('I lost my device and have a recovery file').click()
  const restore = async (given: string) => {
    await other.page.locator('input[type=file]').setInputFiles(file)
    await other.page.getByLabel('The six words').fill(given)
    await other.page.getByRole('button', { name: 'Restore' }).click()
  }
  await restore([...words.slice(1), words[0]].join(' '))
  await other.page
    .getByText('CRYPTO_DECRYPTION_FAILED')
    .or(other.page.getByText('could not be opened'))
    .first()
    .waitFor()
  await restore(words.join(' '))
  await other.page.waitForURL(/\/patient/)
  await other.page.getByText('HbA1c').first().waitFor()
  await other.context.close()
})

test('a second device joins with a link and the same number on both, and can be removed', async () => {
  await go('/keys')
  await page.getByRole('button', { name: 'Add a device' }).click()
  await page.getByRole('img', { name: 'Code to scan with the new device' }).waitFor()
  const code = await page.locator('.th-code').innerText()
  const phone = await portal.page({ width: 360, height: 740 })
  await phone.page.goto(`${portal.url}/join#${code.replaceAll(' ', '')}`)
  await phone.page.getByRole('button', { name: 'Make the key' }).click()
  const shown = await phone.page.locator('.th-digits').innerText()
  await page.getByText(/^Add Chrome on .+\? The numbers must match:/).waitFor()
  assert.equal(await page.locator('.th-digits').innerText(), shown)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await phone.page.waitForURL(/\/patient/)
  await phone.page.getByText('HbA1c').first().waitFor()
  await page
    .getByRole('button', { name: /^Remove Chrome on/ })
    .last()
    .click()
  await page.getByRole('button', { name: 'Remove', exact: true }).last().click()
  await page
    .getByText(/^Removed /)
    .first()
    .waitFor()
  await phone.context.close()
})

test('nothing of a record is kept on the device', async () => {
  const state = await watched.context.storageState({ indexedDB: true })
  assert.ok(!JSON.stringify(state).includes(CANARY))
})

test('no message of the console or of the policy, no request to another origin', () => {
  const own = watched.messages.filter((message) => !/ERR_INTERNET_DISCONNECTED/.test(message))
  assert.deepEqual(own, [])
  assert.deepEqual(watched.strangers, [])
})
