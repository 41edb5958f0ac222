/** A record that the hospital must keep: the page says until when instead of asking for a code, and the hospital is asked. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { PatientClient, StoredRecord } from '../../clients/sdk/src/index.ts'
import { labResult } from '../../testkit/src/world/index.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { openPatient } from './join-steps.ts'
import { overflowOf, settled } from './page-facts.ts'
import { shoot } from './shoot.ts'

const DAYS = 3_653
let portal: Portal
let watched: WatchedPage
let bob: PatientClient
let stored: StoredRecord

before(async () => {
  portal = await openPortal()
  const { world } = portal
  bob = await world.patient('Bob Li')
  const alice = await world.doctor('Alice Martin')
  const { warrant } = await world.permit(bob, [alice])
  await world.submitAsAdmin('a', 'setRetention', [String(DAYS)])
  stored = await alice.store({ patient: bob.ref, warrant, ehr: labResult(47) })
  watched = await openPatient(portal, bob, { bypassCSP: true })
})
after(() => portal?.close())

const open = async () => {
  const { page } = watched
  await page.goto(`${portal.url}/patient/record/${stored.recordId}`)
  await page.getByRole('button', { name: 'Erase this record…' }).click()
}

test('it says who must keep it and until when, and asks for no code', async () => {
  const { page } = watched
  await open()
  const year = new Date(Date.now() + DAYS * 86_400_000).getFullYear()
  await page.getByText(`Hospital A must keep it until ${year}.`).waitFor()
  await settled(page)
  assert.equal(await page.getByRole('dialog').count(), 0)
  assert.deepEqual(await violationsOf(page), [])
  assert.equal(await overflowOf(page), 0)
  await shoot(page, 'patient-must-be-kept')
})

test('while the ledger does not answer the sheet says so and asks again; what the record server says is taken, too', async () => {
  const { page } = watched
  const reads = /\/v1\/ledger\/endorsed-reads$/
  await page.goto(`${portal.url}/patient/record/${stored.recordId}`)
  await page.getByRole('button', { name: 'Erase this record…' }).waitFor()
  await page.route(reads, (route) =>
    route.fulfill({ status: 503, json: { code: 'LEDGER_UNAVAILABLE', meaning: '', action: '' } }),
  )
  await page.getByRole('button', { name: 'Erase this record…' }).click()
  const sheet = page.getByRole('dialog', { name: 'Erase this record for good?' })
  await sheet.getByText('Nobody answered whether a hospital must keep this record.').waitFor()
  await shoot(page, 'patient-erase-unasked')
  assert.deepEqual(await violationsOf(page), [])
  const kept = page.getByText('Hospital A must keep it until')
  await page.unroute(reads)
  await sheet.getByRole('button', { name: 'Ask again' }).click()
  await sheet.waitFor({ state: 'detached' })
  await kept.waitFor()
  // The record server asks for itself: what it refuses is looked up here.
  await page.route(reads, (route) =>
    route.fulfill({ status: 503, json: { code: 'LEDGER_UNAVAILABLE', meaning: '', action: '' } }),
  )
  await page.getByRole('button', { name: 'Erase this record…' }).click()
  await sheet.getByText('Nobody answered whether a hospital must keep this record.').waitFor()
  await page.unroute(reads)
  await sheet.getByRole('textbox').fill(stored.recordId.slice(-6))
  await sheet.getByRole('button', { name: 'Erase', exact: true }).click()
  await sheet.waitFor({ state: 'detached' })
  await kept.waitFor()
})

test('the hospital is asked, and reads which record it is about', async () => {
  const { page } = watched
  await page.getByRole('button', { name: 'Ask the hospital' }).click()
  const sheet = page.getByRole('dialog', { name: 'Ask the hospital' })
  await sheet.getByText(/I would like the record “.+” to be erased\. It is kept until \d{4}\./).waitFor()
  await sheet.getByRole('textbox').fill('It is of somebody else.')
  await sheet.getByRole('button', { name: 'Send to the hospital' }).click()
  await sheet.getByText('Sent.').waitFor()
  const hospital = portal.world.hospital('a')
  const asked = await hospital.options.hospital.questions(hospital.requestSigner)
  assert.deepEqual(
    asked.map(({ kind, about }) => [kind, about]),
    [['question', { kind: 'record', id: stored.recordId }]],
  )
})

test('once the hospital has released it, the code is asked for and it is erased', async () => {
  const { page } = watched
  await portal.world.submitAsAdmin('a', 'releaseRecord', [stored.recordId, 'wrong-patient'])
  await open()
  const sheet = page.getByRole('dialog', { name: 'Erase this record for good?' })
  await sheet.getByRole('textbox').fill(stored.recordId.slice(-6))
  await sheet.getByRole('button', { name: 'Erase', exact: true }).click()
  await page.waitForURL(/\/patient$/)
  await assert.rejects(bob.read(stored.recordId), { code: 'RECORD_ERASED' })
})
