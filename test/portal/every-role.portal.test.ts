/**
 * What must hold on the screens of every role: nothing moves by itself while a screen fills; nothing that axe finds, on a
 * phone, in the dark, in Chinese; at 400 % zoom nothing scrolls sideways; with the colours of the system the place where
 * one is can still be seen; a record on paper is dark on white and has its seal.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { DoctorClient, PatientClient, StoredRecord } from '../../clients/sdk/src/index.ts'
import type { PractitionerRef } from '../../shared/protocol/src/index.ts'
import { certify } from '../../testkit/src/world/by-hand.ts'
import { openAuditor } from './auditor-steps.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { overflowOf, settled, shiftsOf, watchShifts } from './page-facts.ts'
import { allowVisit } from './patient-steps.ts'
import { bloodPressure, findPatientRef, labResult, medicine, visitNote, write } from './people.ts'
import { shoot } from './shoot.ts'

/** First screens do not move at all; elsewhere a word may grow in its own line. Users feel 0.1: https://web.dev/articles/cls */
const MOST_SHIFTED = 0.005

type Role = 'patient' | 'doctor' | 'staff' | 'auditor'

let portal: Portal
let lab: StoredRecord
let emi: PatientClient
const opened = new Map<Role, WatchedPage>()
const pageOf = (role: Role): Page => (opened.get(role) as WatchedPage).page

before(async () => {
  portal = await openPortal()
  const { world } = portal
  const options = { bypassCSP: true }
  for (const role of ['patient', 'doctor', 'staff'] as const) opened.set(role, await portal.page(options))
  await portal.register(pageOf('patient'), 'Bob Li', 'patient')
  await portal.register(pageOf('doctor'), 'Alice Martin', 'practitioner', { department: 'Cardiology' })
  await portal.register(pageOf('staff'), 'Maria Ruiz', 'staff', { roles: ['administrator'] })
  opened.set('auditor', await openAuditor(portal, await certify(world, 'auditor', { registered: true }), options))

  const bob = await findPatientRef(world, 'Bob Li')
  const omar: DoctorClient = await world.doctor('Omar Haddad', { department: 'General', emergency: true })
  await allowVisit(portal, pageOf('patient'), bob, omar)
  const stored = await write(
    omar,
    bob,
    labResult(41, '2026-02-12T08:00:00Z'),
    labResult(47, '2026-11-14T08:00:00Z'),
    medicine(),
    bloodPressure(),
    visitNote(),
  )
  lab = stored[1] as StoredRecord
  await omar.openEmergency(bob, 'unconscious', 'unconscious on arrival')

  // A patient of the doctor in the browser, with a record of hers.
  emi = await world.patient('Emi Sato')
  const desk = world.hospital('a')
  const directory = await desk.options.hospital.practitioners(desk.requestSigner)
  const alice = directory.find(({ name }) => name === 'Alice Martin')?.ref as PractitionerRef
  const visit = { patient: emi.ref, department: 'Cardiology', fromMs: world.clock.nowMs(), symptoms: '', aux: '' }
  await desk.assign({ ...visit, doctors: [alice] })
  await world.permit(emi, [{ ref: alice }, omar])
  await write(omar, emi.ref, labResult(44, '2026-10-02T08:00:00Z'), medicine())
  for (const name of ['a', 'b'] as const) await world.lookAtLog(name)
})
after(() => portal?.close())

interface Screen {
  readonly role: Role
  readonly path: () => string
  /** There when the screen is whole. */
  readonly ready: string
}

/** The first screen of each role, then those that no other test looks at in every way. */
const SCREENS: readonly Screen[] = [
  { role: 'patient', path: () => '', ready: '.th-row' },
  { role: 'doctor', path: () => '', ready: '.th-sheet' },
  { role: 'staff', path: () => '', ready: '.th-sheet' },
  { role: 'auditor', path: () => '', ready: '.th-progress' },
  { role: 'patient', path: () => `/record/${lab.recordId}`, ready: '.th-chart svg' },
  { role: 'doctor', path: () => `/patient/${emi.ref}`, ready: '.th-record .th-seal[data-state=verified]' },
  { role: 'staff', path: () => '/people', ready: '.th-sheet' },
  { role: 'staff', path: () => '/book', ready: '.th-sheet' },
  { role: 'staff', path: () => '/system', ready: '.th-sheet' },
  { role: 'auditor', path: () => '/blocks', ready: '.th-sheet' },
  { role: 'auditor', path: () => '/checkpoints', ready: '.th-sheet' },
]

/** Opens a screen as it is with nothing loaded before. */
async function show(page: Page, { role, path, ready }: Screen, lang: string): Promise<void> {
  await page.goto(`${portal.url}/${role}${path()}?lang=${lang}`)
  await page.locator(ready).first().waitFor()
  await settled(page)
}

/** For the name of a picture. */
const nameOf = ({ role, path }: Screen) => `${role}${path().split('/').slice(0, 2).join('-')}`

for (const { look, width, height } of [
  { look: 'wide', width: 1280, height: 800 },
  { look: 'on a phone', width: 390, height: 844 },
]) {
  test(`${look}: nothing moves by itself while a screen fills`, async () => {
    const found: string[] = []
    for (const role of ['patient', 'doctor', 'staff', 'auditor'] as const) {
      // The same browser profile: the keys are there.
      const page = await pageOf(role).context().newPage()
      page.setDefaultTimeout(60_000)
      await page.setViewportSize({ width, height })
      await watchShifts(page)
      for (const screen of SCREENS.filter((one) => one.role === role)) {
        await show(page, screen, 'en')
        await shoot(page, `every-${nameOf(screen)}-${width}`)
        const shifts = await shiftsOf(page)
        const sum = shifts.reduce((all, { value }) => all + value, 0)
        if (sum > (screen.path() === '' ? 0 : MOST_SHIFTED)) {
          found.push(`${nameOf(screen)}: ${sum.toFixed(4)} ${shifts.map(({ moved }) => moved.join(' | ')).join('; ')}`)
        }
      }
      await page.close()
    }
    assert.deepEqual(found, [])
  })
}

for (const { look, width, height, dark, lang } of [
  { look: 'a phone in the dark, in Chinese', width: 390, height: 844, dark: true, lang: 'zh-Hans' },
  // 1,280 px at 400 %.
  { look: '400 % zoom', width: 320, height: 256, dark: false, lang: 'en' },
]) {
  test(`${look}: axe finds nothing, nothing scrolls sideways`, async () => {
    const found: string[] = []
    for (const screen of SCREENS) {
      const page = pageOf(screen.role)
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
      await show(page, screen, lang)
      await shoot(page, `every-${nameOf(screen)}-${width}-${lang}`)
      for (const violation of await violationsOf(page)) found.push(`${nameOf(screen)}: ${violation}`)
      const wider = await overflowOf(page)
      if (wider > 0) found.push(`${nameOf(screen)} is ${wider} px too wide`)
      for (const caption of await page.locator('caption').all()) {
        const box = await caption.boundingBox()
        // Some captions are for who cannot see the table.
        if (box !== null && box.width > 1 && box.width < width / 2)
          found.push(`${nameOf(screen)}: a caption of ${box.width} px`)
      }
    }
    assert.deepEqual(found, [])
  })
}

test('the form for a correction and the sheets are without anything that axe finds, on a phone in the dark, too', async () => {
  const found: string[] = []
  for (const { width, height, dark } of [
    { width: 1280, height: 800, dark: false },
    { width: 390, height: 844, dark: true },
  ]) {
    const look = async (page: Page, name: string) => {
      await shoot(page, `every-${name}-${width}`)
      for (const violation of await violationsOf(page)) found.push(`${name} ${width}: ${violation}`)
    }
    const page = pageOf('doctor')
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
    await show(
      page,
      { role: 'doctor', path: () => `/patient/${emi.ref}`, ready: '.th-record .th-seal[data-state=verified]' },
      'en',
    )
    const row = page.locator('.th-record').filter({ hasText: 'HbA1c' })
    await row.getByRole('button', { name: /^HbA1c/ }).click()
    await row.getByRole('button', { name: 'Correct HbA1c' }).click()
    await page.getByRole('region', { name: 'Correct: HbA1c' }).getByLabel('Value').waitFor()
    await look(page, 'correction')
    await row.locator('.th-seal').click()
    await page.getByRole('dialog').getByText('Text matches its fingerprint').waitFor()
    await look(page, 'doctor-seal')

    const patient = pageOf('patient')
    await patient.setViewportSize({ width, height })
    await patient.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
    await show(patient, { role: 'patient', path: () => `/record/${lab.recordId}`, ready: '.th-chart svg' }, 'en')
    await patient.getByRole('button', { name: 'Erase this record…' }).click()
    await patient.getByRole('dialog').getByText('A marker stays').waitFor()
    await look(patient, 'erase')
  }
  assert.deepEqual(found, [])
})

test('with the colours of the system: the entry of this screen has a line, the seal its border and its word', async () => {
  for (const screen of SCREENS.slice(0, 4)) {
    const page = pageOf(screen.role)
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.emulateMedia({ forcedColors: 'active', colorScheme: 'light' })
    await show(page, screen, 'en')
    await shoot(page, `every-${nameOf(screen)}-forced`)
    assert.equal(await styleOf(page, '.th-nav-link[aria-current=page]', 'outlineStyle'), 'solid', screen.role)
    assert.equal(await styleOf(page, '.th-nav-link:not([aria-current])', 'outlineStyle'), 'none', screen.role)
    await page.emulateMedia({ forcedColors: 'none' })
  }
  const page = pageOf('patient')
  await page.emulateMedia({ forcedColors: 'active' })
  const seal = page.locator('.th-row .th-seal').first()
  assert.match(await seal.innerText(), /Verified unchanged/)
  assert.equal(await styleOf(page, '.th-row .th-seal', 'borderTopStyle'), 'dotted')
  await page.emulateMedia({ forcedColors: 'none' })
})

test('a record on paper: dark on white even in the dark, its seal in words, no navigation', async () => {
  const page = pageOf('patient')
  await page.emulateMedia({ colorScheme: 'dark' })
  await show(page, { role: 'patient', path: () => `/record/${lab.recordId}`, ready: '.th-chart svg' }, 'en')
  const dark = await styleOf(page, 'main h1', 'color')
  await page.emulateMedia({ colorScheme: 'dark', media: 'print' })
  assert.notEqual(await styleOf(page, 'main h1', 'color'), dark)
  assert.equal(await styleOf(page, 'main h1', 'color'), 'rgb(27, 36, 48)')
  assert.equal(await page.locator('.th-nav').isVisible(), false)
  assert.equal(await page.getByRole('button', { name: 'Erase this record…' }).isVisible(), false)
  assert.equal(await page.getByRole('link', { name: 'Let somebody see this record' }).isVisible(), false)
  assert.match(await page.locator('.th-title-row .th-seal').innerText(), /Verified unchanged/)
  assert.equal(await page.getByText('47 mmol/mol').first().isVisible(), true)
  await page.setViewportSize({ width: 794, height: 1123 })
  await shoot(page, 'every-record-print')
  await page.emulateMedia({ media: 'screen' })
})

function styleOf(page: Page, selector: string, property: string): Promise<string> {
  return page.evaluate<string>(`getComputedStyle(document.querySelector('${selector}')).${property}`)
}

test('no message of the console, no request to another origin', () => {
  for (const { messages, strangers } of opened.values()) assert.deepEqual([messages, strangers], [[], []])
})
