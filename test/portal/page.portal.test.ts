/**
 * What must hold on every screen of the patient: nothing that axe finds, in both schemes, on a phone, in Chinese; no
 * sideways scroll, not even with texts that are 40 % longer; scripts that were changed are refused.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { StoredRecord } from '../../clients/sdk/src/index.ts'
import { violationsOf } from './axe.ts'
import type { PageOptions } from './browser.ts'
import { openPortal, PATIENCE_MS, type Portal } from './harness.ts'
import { settled, shiftsOf, watchShifts } from './page-facts.ts'
import { allowVisit } from './patient-steps.ts'
import { bloodPressure, book, findPatientRef, labResult, write } from './people.ts'

let portal: Portal
let page: Page
let record: StoredRecord

before(async () => {
  portal = await openPortal()
  page = (await portal.page({ bypassCSP: true })).page
  await portal.register(page, 'Bob Li', 'patient')
  const alice = await portal.world.doctor('Alice Martin', { department: 'Cardiology' })
  const bob = await findPatientRef(portal.world, 'Bob Li')
  await allowVisit(portal, page, bob, alice)
  const stored = await write(
    alice,
    bob,
    labResult(41, '2026-02-12T08:00:00Z'),
    labResult(47, '2026-11-14T08:00:00Z'),
    bloodPressure(),
  )
  record = stored[1] as StoredRecord
  await book(portal.world, bob, await portal.world.doctor('Omar Haddad'))
  const wei = await portal.world.doctor('Wei Chen', { emergency: true })
  await wei.openEmergency(bob, 'unconscious', 'unconscious on arrival')
})

after(async () => {
  await portal.close()
})

const SCREENS: readonly { readonly name: string; readonly path: () => string; readonly ready: string }[] = [
  { name: 'home', path: () => '/patient', ready: '.th-row' },
  { name: 'record', path: () => `/patient/record/${record.recordId}`, ready: '.th-chart svg' },
  { name: 'who looked', path: () => '/patient/looked', ready: '.th-row' },
  { name: 'who may look', path: () => '/patient/access', ready: '.th-row >> nth=1' },
  { name: 'keys', path: () => '/patient/keys', ready: '.th-row' },
  { name: 'download', path: () => '/patient/download', ready: 'h1' },
  { name: 'join', path: () => '/join', ready: 'h1' },
  { name: 'file', path: () => '/verify', ready: 'h1' },
  { name: 'help', path: () => '/help', ready: '.th-help' },
]
const LOOKS: readonly { readonly name: string; readonly options: PageOptions; readonly lang: string }[] = [
  { name: 'light', options: {}, lang: 'en' },
  { name: 'dark on a phone', options: { width: 360, height: 740, dark: true }, lang: 'en' },
  { name: 'Chinese', options: { width: 768 }, lang: 'zh-Hans' },
  { name: 'longer texts on the narrowest screen', options: { width: 320, height: 640 }, lang: 'pseudo' },
]

for (const { name, options, lang } of LOOKS) {
  test(`${name}: axe finds nothing, nothing scrolls sideways`, async () => {
    const { width = 1280, height = 800, dark = false } = options
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
    const found: string[] = []
    for (const screen of SCREENS) {
      await page.goto(`${portal.url}${screen.path()}?lang=${lang}`)
      await page.locator(screen.ready).first().waitFor()
      for (const violation of await violationsOf(page)) found.push(`${screen.name}: ${violation}`)
      const isWide = await page.evaluate<boolean>(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth',
      )
      if (isWide) found.push(`${screen.name} scrolls sideways`)
    }
    assert.deepEqual(found, [])
  })
}

for (const { name, options } of [
  { name: 'wide', options: { width: 1280, height: 800 } },
  { name: 'on a phone', options: { width: 360, height: 740 } },
]) {
  test(`${name}: nothing moves by itself while a screen fills`, async () => {
    // The same browser profile: the keys are there, what was loaded before is not.
    const fresh = await page.context().newPage()
    await fresh.setViewportSize(options)
    await watchShifts(fresh)
    const found: string[] = []
    for (const screen of SCREENS) {
      await fresh.goto(`${portal.url}${screen.path()}?lang=en`)
      await fresh.locator(screen.ready).first().waitFor({ timeout: PATIENCE_MS })
      await settled(fresh)
      for (const { value, moved } of await shiftsOf(fresh)) {
        found.push(`${screen.name}: ${value.toFixed(4)} ${moved.join(' | ')}`)
      }
    }
    await fresh.close()
    assert.deepEqual(found, [])
  })
}

test('the panel and the sheet for access are dialogs without anything that axe finds', async () => {
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.goto(`${portal.url}/patient?lang=en`)
  await page.locator('button.th-seal').first().click()
  await page.locator('.th-check').first().waitFor()
  assert.deepEqual(await violationsOf(page), [])
  await page.goto(`${portal.url}/patient/access`)
  await page
    .getByRole('button', { name: /^Give access: / })
    .first()
    .click()
  await page.getByText('may see').waitFor()
  assert.deepEqual(await violationsOf(page), [])
})

test('the whole way to the panel and back works by keyboard', async () => {
  await page.goto(`${portal.url}/patient?lang=en`)
  const target = page.locator('button.th-seal').first()
  await target.waitFor()
  const focused = page.locator('button.th-seal:focus-visible')
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab')
    if ((await focused.count()) > 0) break
  }
  assert.equal(await focused.count(), 1)
  await page.keyboard.press('Enter')
  await page.locator('.th-panel h2:focus').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.th-panel').waitFor({ state: 'detached' })
  // The focus is given back.
  await focused.waitFor()
  assert.equal(await focused.count(), 1)
})

test('the policy allows this origin only, and names the hash of the import map that stands in the page', async () => {
  const response = await fetch(portal.url)
  const policy = response.headers.get('content-security-policy') ?? ''
  const html = await response.text()
  const map = /<script type="importmap">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? ''
  const hash = createHash('sha256').update(map).digest('base64')
  assert.ok(policy.includes(`'sha256-${hash}'`))
  assert.doesNotMatch(policy, /unsafe|https?:|\*/)
  for (const part of [`default-src 'none'`, `connect-src 'self'`, `frame-ancestors 'none'`, `base-uri 'none'`]) {
    assert.ok(policy.includes(part), part)
  }
  const { integrity } = JSON.parse(map) as { integrity: Record<string, string> }
  for (const [path, expected] of Object.entries(integrity)) {
    const bytes = new Uint8Array(await (await fetch(portal.url + path)).arrayBuffer())
    assert.equal(`sha384-${createHash('sha384').update(bytes).digest('base64')}`, expected)
  }
  assert.ok(Object.keys(integrity).length > 10)
  for (const tag of html.match(/<(script|link)[^>]*assets[^>]*>/g) ?? []) assert.match(tag, /integrity="sha384-/)
})

test('a lazy script that was changed on the way is not run', async () => {
  const watched = await portal.page()
  await watched.page.route(/\/assets\/join-[^/]*\.js$/, async (route) => {
    const original = await route.fetch()
    await route.fulfill({ response: original, body: `${await original.text()}\nglobalThis.changed = true` })
  })
  await watched.page.goto(`${portal.url}/join`)
  await watched.page.waitForTimeout(2_000)
  assert.equal(await watched.page.evaluate<boolean>(`globalThis.changed === true`), false)
  assert.ok(watched.messages.some((message) => /integrity/i.test(message)))
  await watched.context.close()
})

test('unknown paths of the portal folder are not served, the page has its headers', async () => {
  for (const path of ['/assets/../manifest.json', '/assets/', '/index.html.br', '/manifest.json', '/portal']) {
    assert.equal((await fetch(portal.url + path)).status, 404, path)
  }
  const { headers } = await fetch(portal.url)
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(headers.get('referrer-policy'), 'no-referrer')
  assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin')
})

test('the way to the record server takes sealed messages only', async () => {
  const json = await fetch(`${portal.url}/record-server/v1/session/hello`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  assert.ok(json.status >= 400)
  const large = await fetch(`${portal.url}/record-server/v1/session/hello`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(5_000),
  })
  assert.equal(large.status, 413)
})
