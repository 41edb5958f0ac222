/**
 * Long lists: only the rows near the window are on the page, whatever the list's length; the Tab key goes through them, the
 * place of each is said, and who comes back with the keyboard finds the row that had the focus.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { violationsOf } from './axe.ts'
import { openPortal, type Portal } from './harness.ts'
import { scrollToEnd, writeMany } from './long-list-steps.ts'
import { settled } from './page-facts.ts'
import { allowVisit } from './patient-steps.ts'
import { findPatientRef } from './people.ts'

const RECORDS = 320
/** Twice what a window of this size shows, and what is kept above and below. */
const MOST_ROWS = 60

let portal: Portal
let page: Page

before(async () => {
  portal = await openPortal()
  page = (await portal.page({ bypassCSP: true })).page
  await portal.register(page, 'Bob Li', 'patient')
  const alice = await portal.world.doctor('Alice Martin', { department: 'Cardiology' })
  const bob = await findPatientRef(portal.world, 'Bob Li')
  await allowVisit(portal, page, bob, alice)
  await writeMany(alice, bob, RECORDS)
  await page.goto(`${portal.url}/patient?lang=en`)
  await page.locator('.th-row').first().waitFor()
})
after(() => portal?.close())

const rows = () => page.locator('.th-row').count()

test('a short list is whole on the page; more comes while one scrolls, and the page has a part of it', async () => {
  assert.equal(await rows(), 50)
  await page.getByRole('button', { name: 'Show more' }).click()
  await page.locator('.th-near').waitFor()
  assert.ok((await rows()) <= MOST_ROWS, `${await rows()} rows`)
  await scrollToEnd(page)
  assert.ok((await rows()) <= MOST_ROWS, `${await rows()} rows of ${RECORDS}`)
  // The oldest: everything was asked for, and stands in its order.
  const oldest = page.locator('.th-row').last()
  await oldest.getByText('1 Jan 1990').waitFor()
  assert.equal(await oldest.getAttribute('aria-posinset'), '31')
  assert.equal(await oldest.getAttribute('aria-setsize'), '31')
  // Its group has its name, though the heading is left out so far from it.
  assert.equal(await page.getByRole('region', { name: 'January 1990' }).count(), 1)
})

test('the Tab key goes on from row to row, and what has the focus stays on the page', async () => {
  await page.evaluate('scrollTo(0, 0)')
  await settled(page)
  const titles = page.locator('.th-row-title')
  await titles.first().focus()
  const focusedIndex = () =>
    page.evaluate<number>(`Number(document.activeElement.closest('[data-index]')?.dataset.index ?? -1)`)
  const first = await focusedIndex()
  // A title and a seal in each row: further than the window and what is kept below it.
  for (let presses = 0; presses < 2 * MOST_ROWS; presses++) await page.keyboard.press('Tab')
  const reached = await focusedIndex()
  assert.ok(reached > first + MOST_ROWS / 2, `from ${first} to ${reached}`)
  await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
  await page.locator('.th-row').last().getByText('1 Jan 1990').waitFor()
  assert.equal(await focusedIndex(), reached)
})

/** The last row on the page was checked; rows above the window that nobody saw are not. */
const checked = () => page.locator('.th-row').last().locator('button.th-seal').waitFor()

test('nothing that axe finds, at the end and in the middle', async () => {
  await checked()
  assert.deepEqual(await violationsOf(page), [])
  await page.evaluate('scrollTo(0, document.documentElement.scrollHeight / 2)')
  await page.locator('.th-row button.th-seal').first().waitFor()
  assert.deepEqual(await violationsOf(page), [])
})
