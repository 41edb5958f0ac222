/**
 * An erased record in a real browser: its seal says so once the marker's log entry was checked, and not a moment before;
 * with a ledger that does not answer, or a server that shows another entry, it says what the seal's table says.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { StoredRecord } from '../../clients/sdk/src/index.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { changedPlaintext, throughOtherServer } from './other-server.ts'
import { overflowOf, settled } from './page-facts.ts'
import { allowVisit } from './patient-steps.ts'
import { findPatientRef, labResult, medicine, write } from './people.ts'
import { shoot } from './shoot.ts'

const READS = /\/v1\/ledger\/endorsed-reads$/

let portal: Portal
let watched: WatchedPage
let page: Page
let lab: StoredRecord

before(async () => {
  portal = await openPortal()
  watched = await portal.page({ bypassCSP: true })
  page = watched.page
  await portal.register(page, 'Bob Li', 'patient')
  const bob = await findPatientRef(portal.world, 'Bob Li')
  const alice = await portal.world.doctor('Alice Martin')
  await allowVisit(portal, page, bob, alice)
  const [first] = await write(alice, bob, labResult(47, '2026-11-14T08:00:00Z'), medicine())
  lab = first as StoredRecord
})
after(() => portal?.close())

const row = () => page.locator(`[data-record="${lab.recordId}"]`)
const seal = () => row().locator('.th-seal:not([data-state=running])')
const panel = () => page.locator('.th-panel')

test('what the patient erased is shown as erased, and the panel shows what was checked', async () => {
  await page.goto(`${portal.url}/patient/record/${lab.recordId}`)
  await page.getByRole('button', { name: 'Erase this record…' }).click()
  const sheet = page.getByRole('dialog', { name: 'Erase this record for good?' })
  await sheet.getByRole('textbox').fill(lab.recordId.slice(-6))
  await sheet.getByRole('button', { name: 'Erase', exact: true }).click()
  await page.waitForURL(/\/patient$/)
  await seal().waitFor()
  assert.match(await seal().innerText(), /^Erased \d+ \w+ \d{4} \(practice\)$/)
  assert.deepEqual(
    [await seal().getAttribute('data-state'), await seal().getAttribute('data-tone')],
    ['erased', 'practice'],
  )
  await page.getByText('1 erased').waitFor()
  await settled(page)
  assert.match(
    (await row().innerText()).replaceAll(/\s+/g, ' '),
    /^Record 14 Nov 2026 · Dr Alice Martin Erased/,
    'no value',
  )
  await shoot(page, 'patient-erased-list')
  await seal().click()
  await panel()
    .getByRole('heading', { name: /^Erased .* \(practice\)$/ })
    .waitFor()
  await panel().getByText('The marker’s log entry is right.').waitFor()
  assert.equal(await panel().locator('[data-result=pass]').count(), 2)
  assert.equal(await panel().locator('[data-check=log], [data-check=server]').count(), 2)
  assert.equal(await panel().getByRole('button', { name: 'Download with proofs' }).count(), 0)
  assert.deepEqual(await violationsOf(page), [])
  await shoot(page, 'patient-erased-panel')
})

test('its page says when it was erased, and that this cannot be undone', async () => {
  await page.goto(`${portal.url}/patient/record/${lab.recordId}`)
  await page.getByText(/^This record of .* was erased on .* at your request\. Nobody can open it/).waitFor()
  await settled(page)
  assert.deepEqual(await violationsOf(page), [])
  assert.equal(await overflowOf(page), 0)
  assert.equal(await page.getByRole('button', { name: 'Erase this record…' }).count(), 0)
  await shoot(page, 'patient-erased-page')
})

test('the ledger is away: not fully checked, and nothing says that it was erased', async () => {
  await page.goto(`${portal.url}/patient`)
  await seal().click()
  await page.route(READS, (route) =>
    route.fulfill({ status: 503, json: { code: 'LEDGER_UNAVAILABLE', meaning: '', action: '' } }),
  )
  await page.getByRole('button', { name: 'Check again now' }).click()
  await panel().getByRole('heading', { name: 'Not fully checked' }).waitFor()
  await panel().getByText('1 of 2 checks passed; 1 could not run: The shared ledger does not answer.').waitFor()
  assert.equal(await row().locator('[data-state=erased]').count(), 0)
  await page.unroute(READS)
})

test('a server that shows another entry of its log as the marker: do not rely on this', async () => {
  await throughOtherServer(portal, page, changedPlaintext(portal.world.crypto, 'eerase', 'estore'))
  await page.goto(`${portal.url}/patient`)
  await seal().waitFor()
  assert.equal(await seal().getAttribute('data-state'), 'wrong')
  assert.equal(await page.locator('[data-state=erased]').count(), 0)
  await seal().click()
  await panel().getByRole('heading', { name: 'Do not rely on this' }).waitFor()
  await panel().getByText('LOG_PROOF_INVALID').waitFor()
  await page.goto(`${portal.url}/patient/record/${lab.recordId}`)
  await page.locator('.th-title-row [data-state=wrong]').waitFor()
  assert.equal(await page.getByText('was erased on').count(), 0)
})

test('no message of the console, no request to another origin', () => {
  assert.deepEqual([watched.messages, watched.strangers], [[], []])
})
