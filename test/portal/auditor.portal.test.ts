/**
 * The auditor in a browser: comes in with the key of another device, checks everything with a pause, saves a signed report,
 * finds what was pasted, looks at blocks, checkpoints and servers; a changed block stops the check at its place.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { openAuditReport, type PatientClient, type StoredRecord } from '../../clients/sdk/src/index.ts'
import { decodeBase64url, encodeBase64url } from '../../shared/crypto/src/index.ts'
import { submitCall } from '../../ledger/client/src/submit-call.ts'
import { decodeBlocks, encodeBlock, encodeBlocks, type EncodedBlock } from '../../shared/ledger-model/src/index.ts'
import { certify, type Certified } from '../../testkit/src/world/by-hand.ts'
import { labResult } from '../../testkit/src/world/records.ts'
import { openAuditor } from './auditor-steps.ts'
import { violationsOf } from './axe.ts'
import type { PageOptions, WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { overflowOf } from './page-facts.ts'
import { shoot } from './shoot.ts'

let portal: Portal
let sam: Certified
let watched: WatchedPage
let page: Page
let bob: PatientClient
let stored: StoredRecord

before(async () => {
  portal = await openPortal()
  const { world } = portal
  bob = await world.patient('Bob Li')
  const alice = await world.doctor('Alice Martin')
  const { warrant } = await world.permit(bob, [alice])
  stored = await alice.store({ patient: bob.ref, warrant, ehr: labResult() })
  // Both hospitals look at the log and cosign it.
  for (const name of ['a', 'b'] as const) await world.lookAtLog(name)
  sam = await certify(world, 'auditor', { registered: true })
  watched = await comeIn()
  page = watched.page
})
after(() => portal?.close())

/** A browser into which the auditor's key moves from the device that has it. */
const comeIn = (options: PageOptions = {}) => openAuditor(portal, sam, options)

const check = async (on: Page) => {
  await on.getByRole('button', { name: 'Check everything' }).click()
  await on.getByRole('button', { name: 'Save signed report' }).waitFor()
}

test('nothing is claimed before anything was checked', async () => {
  await page.getByText('Nothing has been checked in this browser yet.').waitFor()
  await page.goto(`${portal.url}/auditor/checkpoints`)
  await page.getByText('Nothing has been checked yet.').waitFor()
  await page.getByText('No checkpoint in the blocks checked so far.').waitFor()
})

test('everything is checked in the browser, and the report is signed by the auditor', async () => {
  await page.goto(`${portal.url}/auditor`)
  await check(page)
  await page.getByText(/blocks from the first one, 0 faults/).waitFor()
  const findings = page.getByRole('list', { name: 'Findings' }).getByRole('listitem')
  for (const id of ['ledger', 'authors', 'checkpoints', 'log', 'witnesses', 'program', 'misuse']) {
    assert.equal(await page.locator(`[data-check="${id}"]`).getAttribute('data-result'), 'pass', id)
  }
  assert.equal(await findings.count(), 7)
  await shoot(page, 'auditor-verified')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save signed report' }).click()
  const file = readFileSync(await (await download).path(), 'utf8')
  const { report, by, publicKey } = openAuditReport(portal.world.crypto, file)
  assert.equal(by, sam.identity.ref)
  assert.deepEqual(publicKey, sam.identity.signer.publicKey)
  assert.ok(report.blocks > 5 && report.records >= 1 && report.findings.every(({ result }) => result === 'pass'))
})

test('whatever is pasted is found or said to be nothing', async () => {
  const find = async (text: string) => {
    await page.goto(`${portal.url}/auditor/blocks`)
    await page.getByLabel('Paste anything').last().fill(text)
    await page.getByRole('button', { name: 'Find' }).click()
  }
  await find(stored.recordId)
  await page.getByText('1 entry in the shared ledger').waitFor()
  await find(stored.receipt)
  await page.getByText('signed by the ledger’s organisations').waitFor()
  await shoot(page, 'auditor-paste')
  await find(await bob.checkpoint())
  await page.getByText('Checkpoints it continues').waitFor()
  await find(String(stored.place.block))
  await page.getByRole('heading', { name: `Block ${stored.place.block}`, exact: true }).waitFor()
  await find(`r-${'0'.repeat(32)}`)
  await page.getByText('The shared ledger has nothing of this name.').waitFor()
  await find('hello')
  await page.getByText('has the form of nothing').waitFor()
})

test('blocks, the first configuration, checkpoints, servers with fresh evidence', async () => {
  await page.goto(`${portal.url}/auditor/blocks`)
  await page.getByRole('row').nth(1).waitFor()
  await shoot(page, 'auditor-blocks')
  await page.goto(`${portal.url}/auditor/blocks/0`)
  await page.getByRole('heading', { name: 'Configuration of the ledger' }).waitFor()
  await shoot(page, 'auditor-configuration')
  await page.goto(`${portal.url}/auditor/servers`)
  await page.getByRole('button', { name: 'Ask for evidence' }).click()
  await page.getByText(/runs a program that the hospitals approved/).waitFor()
  await page.getByText('What this does not show').waitFor()
  await shoot(page, 'auditor-servers')
  await page.goto(`${portal.url}/auditor/checkpoints`)
  await page.getByText(/2 of 2 hospitals’ organisations cosigned the log up to entry/).waitFor()
  await page.getByRole('row', { name: /Hospital ?B/ }).waitFor()
  await shoot(page, 'auditor-checkpoints')
})

test('a block that was changed on the way stops the check at its place, in red, with its sentence', async () => {
  const other = await comeIn()
  await changeBlocks(other.page, (block, number) => (number === 3 ? flipped(block) : block))
  await check(other.page)
  await other.page.getByRole('alert').getByText('Block 3 is not as it must be.').waitFor()
  await other.page.getByText('Everything before it is consistent.').waitFor()
  assert.equal(await other.page.locator('[data-check="checkpoints"]').getAttribute('data-result'), 'skip')
  await shoot(other.page, 'auditor-fault')
  await other.context.close()
})

/** Answers the pages of blocks as `change` says. */
async function changeBlocks(on: Page, change: (block: EncodedBlock, number: number) => EncodedBlock | undefined) {
  await on.route(/\/v1\/ledger\/blocks/, async (route) => {
    const response = await route.fetch()
    const from = Number(new URL(route.request().url()).searchParams.get('from'))
    const answer = (await response.json()) as { height: number; blocks: string }
    const blocks = decodeBlocks(decodeBase64url(answer.blocks)).flatMap((block, i) => change(block, from + i) ?? [])
    const json = { ...answer, blocks: encodeBase64url(encodeBlocks(blocks.map(encodeBlock))) }
    // Of its node: the height stays what it was, and a page without blocks is the end.
    if (from > 0 && blocks.length === 0) await route.abort()
    else await route.fulfill({ response, json })
  })
}

function flipped(block: EncodedBlock): EncodedBlock {
  const [first = new Uint8Array(), ...rest] = block.transactions
  const changed = first.slice()
  changed[40] = (changed[40] ?? 0) ^ 1
  return { ...block, transactions: [changed, ...rest] }
}

test('a check that was cut off is taken up after a reload, and a block that was altered meanwhile is found', async () => {
  const other = await comeIn()
  await changeBlocks(other.page, (block, number) => (number < 4 ? block : undefined))
  await other.page.getByRole('button', { name: 'Check everything' }).click()
  await other.page.getByRole('button', { name: 'Try again' }).waitFor()
  await other.page.reload()
  await other.page.getByText(/This browser checked 4 blocks until/).waitFor()
  await other.page.getByText('Nothing has been compared since this page was opened.').waitFor()
  assert.equal(await other.page.locator('[data-check]').count(), 0, 'nothing is claimed of what was not looked at')
  await shoot(other.page, 'auditor-reloaded')
  await other.page.unroute(/\/v1\/ledger\/blocks/)
  await changeBlocks(other.page, (block, number) => (number === 2 ? flipped(block) : block))
  await other.page.getByRole('button', { name: 'Go on' }).click()
  await other.page.getByRole('alert').getByText('Block 2 is not as it must be.').waitFor()
  await other.page.reload()
  await other.page.unroute(/\/v1\/ledger\/blocks/)
  await other.page.getByText(/Last check here: .* 1 fault/).waitFor()
  await other.page.getByRole('button', { name: 'Go on' }).click()
  await other.page.getByText(/4 of them compared with an earlier check/).waitFor()
  await other.page.getByRole('button', { name: 'Check from the first block again' }).click()
  await other.page.getByText(/Blocks: \d+ · record versions/).waitFor()
  await other.context.close()
})

test('what a hospital refused as another history is shown; a pair that the server did not sign is no proof', async () => {
  const other = await comeIn()
  await other.page.route(/\/v1\/witness\//, async (route) => {
    const response = await route.fetch()
    const { size, checkpoint } = (await response.json()) as { readonly size: number; readonly checkpoint: string }
    const conflicts = [{ timeMs: 1, code: 'CHECKPOINT_FORKED', seen: checkpoint, offered: `${checkpoint}x` }]
    await route.fulfill({ response, json: { size, checkpoint, conflicts } })
  })
  await check(other.page)
  assert.equal(await other.page.locator('[data-check="witnesses"]').getAttribute('data-result'), 'note')
  await other.page.getByRole('link', { name: 'Look at what was refused' }).click()
  await other.page.getByText('This hospital refused 1 log as another history.').waitFor()
  await other.context.close()
})

test('reports of misuse make no green finding: open, then settled', async () => {
  const { world } = portal
  const eve = await certify(world, 'doctor', { registered: true })
  const report = JSON.stringify({ subject: eve.identity.ref, code: 'excessive-access', evidence: [] })
  await submitCall(world.ledger.ledger, sam.ledger, { fn: 'reportMisuse', args: [report] })
  await page.goto(`${portal.url}/auditor`)
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByText('1 report of misuse, 1 still open. People must judge them.').waitFor()
  assert.equal(await page.locator('[data-check="misuse"]').getAttribute('data-result'), 'note')
  await page.getByText(/0 faults; reports of misuse to look at/).waitFor()
  await shoot(page, 'auditor-noted')
  await page.getByRole('link', { name: 'Look at the reports' }).click()
  await page.getByRole('row', { name: /looked at too much .* open/ }).waitFor()
  await shoot(page, 'auditor-misuse')
  await world.submitAsAdmin('a', 'reinstateParticipant', [eve.identity.ref, 'cleared'])
  await page.goto(`${portal.url}/auditor`)
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByText('1 report of misuse, all settled. People must judge them.').waitFor()
  assert.equal(await page.locator('[data-check="misuse"]').getAttribute('data-result'), 'note')
  await page.getByRole('link', { name: 'Look at the reports' }).click()
  await page.getByRole('row', { name: /settled .* block/ }).waitFor()
})

test('what staff report in their portal, the auditor finds in the shared ledger', async () => {
  const { world } = portal
  const eve = await world.doctor('Eve Stone', { hospital: 'b', emergency: true })
  await eve.openEmergency(bob.ref, 'other', 'curious about a neighbour')
  const staff = await portal.page()
  await portal.register(staff.page, 'Maria Ruiz', 'staff', { roles: ['records'] })
  await staff.page.goto(`${portal.url}/staff/emergencies`)
  const card = staff.page.getByRole('region', { name: /Eve Stone opened records of Bob Li/ })
  await card.getByRole('button', { name: 'Report misuse' }).click()
  await card.getByText('It cannot be deleted.').waitFor()
  await card.getByRole('button', { name: 'Report misuse' }).click()
  await card.getByText('Found to be misuse by Maria Ruiz').waitFor()
  await staff.context.close()
  await page.goto(`${portal.url}/auditor`)
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByText(/2 reports of misuse, 1 still open/).waitFor()
  await page.getByRole('link', { name: 'Look at the reports' }).click()
  const row = page.getByRole('row', { name: /looked without permission .* open/ })
  await row.waitFor()
  // Auditors know no names: the ledger has references only.
  assert.equal(await page.getByText('Eve Stone').count(), 0)
  await shoot(page, 'auditor-misuse-of-staff')
})

test('no violation of WCAG; at phone width nothing scrolls sideways; in the dark and in Chinese it is whole', async () => {
  const phone = await comeIn({ width: 360, height: 740, dark: true, locale: 'zh-CN', bypassCSP: true })
  await phone.page.locator('main h1').waitFor()
  assert.deepEqual(await violationsOf(phone.page), [])
  await phone.page.goto(`${portal.url}/auditor/blocks`)
  await phone.page.locator('.th-sheet').waitFor()
  assert.deepEqual(await violationsOf(phone.page), [])
  const overflow = await overflowOf(phone.page)
  assert.equal(overflow, 0)
  await shoot(phone.page, 'auditor-blocks-phone-dark-zh')
  await phone.context.close()
})

test('no message of the console, no other origin', () => {
  assert.deepEqual([watched.messages, watched.strangers], [[], []])
})
