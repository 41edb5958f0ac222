/**
 * How much of the program a person's first screen brings, by role: scripts, styles and texts, of the page and of its worker,
 * compressed. Aim of the design: 260 kB.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Response } from 'playwright-core'
import type { PractitionerRef } from '../../shared/protocol/src/index.ts'
import { certify } from '../../testkit/src/world/by-hand.ts'
import { PORTAL_OUTPUT } from '../../tools/portal/vite-config.ts'
import { openAuditor } from './auditor-steps.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, PATIENCE_MS, type Portal } from './harness.ts'
import { allowVisit } from './patient-steps.ts'
import { findPatientRef, labResult, write } from './people.ts'

/** What each role's first screen may bring, in kB. */
const MOST_KB = { patient: 265, doctor: 268, staff: 250, auditor: 260 } as const
type Role = keyof typeof MOST_KB

/** There when the screen is whole. */
const READY: Readonly<Record<Role, string>> = {
  patient: '.th-row [data-state=verified]',
  doctor: '.th-sheet',
  staff: '.th-sheet',
  auditor: '.th-progress',
}

let portal: Portal
const opened = new Map<Role, WatchedPage>()

before(async () => {
  portal = await openPortal()
  const { world } = portal
  for (const role of ['patient', 'doctor', 'staff'] as const) opened.set(role, await portal.page())
  const pageOf = (role: Role) => (opened.get(role) as WatchedPage).page
  await portal.register(pageOf('patient'), 'Bob Li', 'patient')
  await portal.register(pageOf('doctor'), 'Alice Martin', 'practitioner', { department: 'Cardiology' })
  await portal.register(pageOf('staff'), 'Maria Ruiz', 'staff', { roles: ['administrator'] })
  opened.set('auditor', await openAuditor(portal, await certify(world, 'auditor', { registered: true })))
  const bob = await findPatientRef(world, 'Bob Li')
  const omar = await world.doctor('Omar Haddad', { department: 'General' })
  await allowVisit(portal, pageOf('patient'), bob, omar)
  await write(omar, bob, labResult(47, '2026-11-14T08:00:00Z'))
  // A day with a patient in it.
  const desk = world.hospital('a')
  const directory = await desk.options.hospital.practitioners(desk.requestSigner)
  const alice = directory.find(({ name }) => name === 'Alice Martin')?.ref as PractitionerRef
  const fromMs = world.clock.nowMs()
  await desk.assign({ patient: bob, department: 'Cardiology', fromMs, symptoms: '', aux: '', doctors: [alice] })
})
after(() => portal?.close())

for (const role of ['patient', 'doctor', 'staff', 'auditor'] as const) {
  test(`${role}: the first screen brings at most ${MOST_KB[role]} kB`, async () => {
    const { context } = opened.get(role) as WatchedPage
    const asked = new Set<string>()
    const measure = (response: Response) => {
      const { pathname } = new URL(response.url())
      // What the service worker puts aside, for when there is no connection, is not waited for.
      if (/\.(js|css)$/.test(pathname) && response.request().serviceWorker() === null) asked.add(pathname)
    }
    context.on('response', measure)
    // The same browser profile: the keys are there.
    const fresh = await context.newPage()
    fresh.setDefaultTimeout(PATIENCE_MS)
    await fresh.goto(`${portal.url}/${role}?lang=en`)
    await fresh.locator(READY[role]).first().waitFor()
    await fresh.waitForLoadState('networkidle')
    const all = [...asked]
    const bytes = all.map((path) => gzipSync(readFileSync(join(PORTAL_OUTPUT, path)), { level: 9 }).length)
    const kilobytes = bytes.reduce((sum, size) => sum + size, 0) / 1_000
    console.log(`${role}: ${kilobytes.toFixed(1)} kB in ${all.length} files`)
    // The page, its worker, and what the role brings.
    assert.ok(all.some((path) => path.includes('worker')) && all.length >= 5, `the measurement saw ${all.join(' ')}`)
    assert.ok(kilobytes <= MOST_KB[role], `${kilobytes.toFixed(0)} kB in ${all.length} files`)
    context.off('response', measure)
    await fresh.close()
  })
}
