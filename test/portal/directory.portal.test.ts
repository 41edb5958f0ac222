/**
 * A patient of hospital A finds a doctor of hospital B by name and shares with her; a name that the shared ledger does not
 * confirm gets nothing; a list that is not there is said to be missing.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { newRef } from '../../shared/protocol/src/index.ts'
import { openDirectoryStandIn, signedList, type DirectoryStandIn } from '../../testkit/src/world/directory-stand-in.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { overflowOf } from './page-facts.ts'
import { findPatientRef } from './people.ts'
import { shoot } from './shoot.ts'

let portal: Portal
let patient: WatchedPage
const standIns: DirectoryStandIn[] = []

before(async () => {
  const [b, away, wrong] = [await openDirectoryStandIn(), await openDirectoryStandIn(), await openDirectoryStandIn()]
  standIns.push(b, away, wrong)
  away.answer = 'away'
  wrong.answer = { body: '{}' }
  portal = await openPortal({
    directories: ({ ref }) => [
      { ref, name: 'Hospital B', url: b.url },
      { ref: newRef(createNodeCrypto(), 'h'), name: 'Hospital C', url: away.url },
      { ref: newRef(createNodeCrypto(), 'h'), name: 'Hospital D', url: wrong.url },
    ],
  })
  const { world } = portal
  await world.doctor('Alice Martin')
  const lina = await world.doctor('Lina Haddad', { hospital: 'b', department: 'Oncology' })
  const practitioners = [
    { ref: lina.ref, name: 'Lina Haddad', department: 'Oncology' },
    { ref: newRef(world.crypto, 'd'), name: 'Eve Stone', department: 'Oncology' },
  ]
  b.answer = { body: await signedList(world, 'b', { v: 1, hospital: world.hospitalRef('b'), practitioners }) }
  patient = await portal.page({ bypassCSP: true })
  await portal.register(patient.page, 'Bob Li', 'patient')
})
after(async () => {
  await portal?.close()
  for (const standIn of standIns) standIn.close()
})

async function whoMayLook(): Promise<Page> {
  const { page } = patient
  await page.goto(`${portal.url}/patient/access`)
  await page.getByRole('button', { name: 'Give access: Dr Alice Martin' }).waitFor()
  return page
}

test('a doctor of another hospital is found by name, and the ledger is asked before she is given access', async () => {
  const page = await whoMayLook()
  await page.getByLabel('Find a doctor').fill('haddad')
  await page.getByText('Oncology · Hospital B').waitFor()
  assert.equal(await page.getByRole('button', { name: /^Give access: Dr/ }).count(), 1)
  assert.equal(await page.getByText('No doctor of that name').count(), 0)
  await page.getByRole('button', { name: 'Give access: Dr Lina Haddad' }).click()
  const sheet = page.getByRole('dialog', { name: 'Give access' })
  await sheet.getByText(/as an active doctor of its member HospitalB/).waitFor()
  assert.deepEqual(await violationsOf(page), [])
  await shoot(page, 'patient-other-hospital')
  await sheet.getByRole('button', { name: 'Give access' }).click()
  await sheet.getByRole('heading', { name: 'Dr Lina Haddad has access now' }).waitFor()
  const lina = await portal.world.doctor('Lina Haddad')
  await lina.list(await findPatientRef(portal.world, 'Bob Li'))
  // The list of access that was given has the name, too.
  await whoMayLook()
  await page.getByRole('button', { name: 'Take back: Dr Lina Haddad' }).waitFor()
})

test('a name that the ledger does not have as a doctor of that hospital gets nothing', async () => {
  const page = await whoMayLook()
  await page.getByRole('button', { name: 'Give access: Dr Eve Stone' }).click()
  const sheet = page.getByRole('dialog', { name: 'Give access' })
  await sheet.getByText('The shared ledger does not know this person as a doctor of that hospital.').waitFor()
  assert.equal(await sheet.getByRole('button', { name: 'Give access' }).isDisabled(), true)
  await shoot(page, 'patient-other-hospital-refused')
})

test('a list that is not there is said to be missing, on a phone and in Chinese, too', async () => {
  const page = await whoMayLook()
  await page.getByText('The doctors of Hospital C cannot be listed now').waitFor()
  await page.getByText(/^The doctors of Hospital D are not shown/).waitFor()
  await page.evaluate(`localStorage.setItem('trusthealth.locale', 'zh-Hans')`)
  await page.setViewportSize({ width: 320, height: 740 })
  await page.reload()
  await page.getByText('未显示Hospital D的医生').waitFor()
  assert.deepEqual(await violationsOf(page), [])
  assert.equal(await overflowOf(page), 0)
  await shoot(page, 'patient-other-hospitals-phone')
})

test('no message of the console, no request to another origin', () => {
  assert.deepEqual(patient.messages, [])
  assert.deepEqual(patient.strangers, [])
})
