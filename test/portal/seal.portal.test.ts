/**
 * The seal in a real browser, each state made by a real fault: a record server that delivers another text, hides a newer
 * version or shows another program; a ledger that does not answer; an answer that a hospital made up. Green is never
 * shown on a practice system, and no flag of a server changes anything.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { DoctorClient, StoredRecord } from '../../clients/sdk/src/index.ts'
import { encodeHex, encodeUtf8 } from '../../shared/crypto/src/index.ts'
import type { PatientRef } from '../../shared/protocol/src/index.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { throughOtherServer } from './other-server.ts'
import { allowVisit } from './patient-steps.ts'
import { findPatientRef, labResult, medicine, write } from './people.ts'

const READS = /\/v1\/ledger\/endorsed-reads$/

let portal: Portal
let watched: WatchedPage
let page: Page
let alice: DoctorClient
let bob: PatientRef
let lab: StoredRecord

before(async () => {
  portal = await openPortal()
  watched = await portal.page()
  page = watched.page
  await portal.register(page, 'Bob Li', 'patient')
  alice = await portal.world.doctor('Alice Martin')
  bob = await findPatientRef(portal.world, 'Bob Li')
  await allowVisit(portal, page, bob, alice)
  const [first] = await write(alice, bob, labResult(47, '2026-11-14T08:00:00Z'), medicine())
  lab = first as StoredRecord
})

after(async () => {
  await portal.close()
})

const open = async () => {
  await page.goto(`${portal.url}/patient/record/${lab.recordId}`)
}
const seal = () => page.locator('.th-title-row .th-seal:not([data-state=running])')

async function nothingIsGreen(): Promise<void> {
  assert.equal(await page.locator('.th-seal[data-tone=ok]').count(), 0)
}

test('practice: all checks pass, the word says practice, the tone is not green', async () => {
  await open()
  await seal().waitFor()
  assert.equal(await seal().getAttribute('data-tone'), 'practice')
  assert.equal(await seal().innerText(), 'Verified unchanged (practice)')
  await nothingIsGreen()
})

test('the ledger is away: not fully checked, with the reason, and the text stays readable', async () => {
  await open()
  await seal().click()
  await page.route(READS, (route) =>
    route.fulfill({ status: 503, json: { code: 'LEDGER_UNAVAILABLE', meaning: '', action: '' } }),
  )
  await page.getByRole('button', { name: 'Check again now' }).click()
  const panel = page.locator('.th-panel')
  await panel.getByRole('heading', { name: 'Not fully checked' }).waitFor()
  await panel.getByText('could not run: The shared ledger does not answer.').waitFor()
  assert.equal(await panel.locator('[data-check=text][data-result=pass]').count(), 1)
  assert.equal(await panel.locator('[data-check=signature][data-result=skip]').count(), 1)
  assert.equal(await panel.locator('[data-check=ledger][data-result=pass]').count(), 0)
  await nothingIsGreen()
  await page.unroute(READS)
  await page.getByRole('button', { name: 'Check again now' }).click()
  await panel.getByRole('heading', { name: 'Verified unchanged (practice)' }).waitFor()
})

test('an answer of the ledger that nobody signed is not believed', async () => {
  await open()
  await seal().click()
  await page.route(READS, async (route) => {
    const response = await route.fetch()
    const body = (await response.json()) as { answers: string }
    const bytes = Buffer.from(body.answers, 'base64url')
    const at = bytes.length - 20
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await route.fulfill({ status: 200, json: { ...body, answers: bytes.toString('base64url') } })
  })
  await page.getByRole('button', { name: 'Check again now' }).click()
  const panel = page.locator('.th-panel')
  await panel
    .getByRole('heading', { name: 'Do not rely on this' })
    .or(panel.getByRole('heading', { name: 'Not fully checked' }))
    .waitFor()
  assert.equal(await panel.locator('[data-check=ledger][data-result=pass]').count(), 0)
  assert.equal(await panel.locator('[data-check=signature][data-result=pass]').count(), 0)
  await nothingIsGreen()
  await page.unroute(READS)
})

test('a newer version is hidden by the index of the hospital: nothing breaks; the ledger says which version it is', async () => {
  await page.route(/\/v1\/ledger\/records\//, (route) =>
    route.fulfill({ status: 503, json: { code: 'LEDGER_UNAVAILABLE', meaning: '', action: '' } }),
  )
  await open()
  await seal().waitFor()
  assert.equal(await seal().getAttribute('data-state'), 'not-fully-checked')
  await page.unroute(/\/v1\/ledger\/records\//)
})

test('a correction: the newest is shown, the old one says that it was replaced', async () => {
  const answer = await alice.read(lab.recordId)
  const held = (await alice.warrants()).find((one) => one.patient === bob)
  await alice.correct(answer, bob, encodeUtf8(JSON.stringify(labResult(45, '2026-11-14T08:00:00Z'))), held?.jws ?? '')
  await open()
  await page.getByText('45 mmol/mol').first().waitFor()
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await page.getByText('47 mmol/mol').first().waitFor()
  await page.locator('.th-title-row [data-state=replaced]').waitFor()
  assert.match(await seal().innerText(), /^Verified unchanged, replaced \d+ \w+ \d{4} \(practice\)$/)
  await nothingIsGreen()
})

test('the record server is away: said so, with the next try counted down; it comes back by itself', async () => {
  await page.route(/\/record-server\//, (route) =>
    route.fulfill({ status: 503, json: { code: 'SERVER_UNAVAILABLE', meaning: '', action: '' } }),
  )
  await page.goto(`${portal.url}/patient`)
  await page.getByText('Your records are not lost; you cannot open them just now.').first().waitFor()
  await page.getByRole('button', { name: /^Try again now/ }).waitFor()
  await page.unroute(/\/record-server\//)
  await page.getByRole('button', { name: /^Try again now/ }).click()
  await page.locator('.th-row').first().waitFor()
})

test('another consortium behind the same address is not believed with the keys of this one', async () => {
  await page.route(/\/portal\/facts\.json$/, async (route) => {
    const facts = (await (await route.fetch()).json()) as object
    await route.fulfill({ json: { ...facts, quorum: 2 } })
  })
  await page.goto(`${portal.url}/patient`)
  await page.getByRole('heading', { name: 'Stopped before anything was sent.' }).waitFor()
  assert.equal(await page.locator('.th-row').count(), 0)
  await page.unroute(/\/portal\/facts\.json$/)
})

test('another program behind the same address: a full stop, nothing of the records on the page, no way past it', async () => {
  // On the server's own files, with votes that let it have them: everything but what its registration says is right.
  const measurement = new Uint8Array(32).fill(7)
  for (const name of ['a', 'b'] as const) {
    await portal.world.submitAsAdmin(name, 'approveProgram', [encodeHex(measurement), '1'])
  }
  await throughOtherServer(portal, page, { measurement })
  await page.goto(`${portal.url}/patient`)
  const stop = page.getByRole('alert')
  await stop.getByRole('heading', { name: 'Stopped before anything was sent.' }).waitFor()
  await stop.getByText('Nothing of yours was shown or sent.').waitFor()
  assert.match(await stop.innerText(), /(ATTESTATION|SESSION)_[A-Z_]+/)
  assert.equal(await page.locator('.th-row').count(), 0)
  const buttons = await stop.getByRole('button').allInnerTexts()
  assert.deepEqual(buttons, ['Try again', 'Copy the report for the hospital'])
  await stop.getByRole('button', { name: 'Try again' }).click()
  await stop.getByRole('heading', { name: 'Stopped before anything was sent.' }).waitFor()
  assert.equal(await page.locator('.th-row').count(), 0)
})

test('through all of this: no refusal of the policy, no other origin', () => {
  const refused = watched.messages.filter((message) => /Content Security Policy|Trusted/.test(message))
  assert.deepEqual(refused, [])
  assert.deepEqual(watched.strangers, [])
})
