/**
 * An app of SMART App Launch 2 in a real browser, from its first redirect to its token: the hospital's page shows a code,
 * its link opens the portal in another tab, the patient reads what is asked for, keeps something back and says yes; the
 * first tab goes on by itself to the app's address, and the token opens what was given and nothing else. A no gives
 * nothing. A doctor says whose records.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import * as oidc from 'openid-client'
import type { Page } from 'playwright-core'
import type { PractitionerRef } from '../../shared/protocol/src/index.ts'
import { violationsOf } from './axe.ts'
import type { WatchedPage } from './browser.ts'
import { openPortal, type Portal } from './harness.ts'
import { overflowOf } from './page-facts.ts'
import { allowVisit } from './patient-steps.ts'
import { condition, findPatientRef, labResult, write } from './people.ts'
import { shoot } from './shoot.ts'

let portal: Portal
let patient: WatchedPage
let doctor: WatchedPage
let redirect: string
const app = createServer((_request, response) => response.end('The app.'))

before(async () => {
  await new Promise<void>((resolve) => void app.listen(0, '127.0.0.1', resolve))
  redirect = `http://127.0.0.1:${(app.address() as AddressInfo).port}/back`
  portal = await openPortal()
  patient = await portal.page({ bypassCSP: true })
  doctor = await portal.page({ bypassCSP: true })
  await portal.register(patient.page, 'Bob Li', 'patient')
  await portal.register(doctor.page, 'Alice Martin', 'practitioner', { department: 'Cardiology' })
  const bob = await findPatientRef(portal.world, 'Bob Li')
  const omar = await portal.world.doctor('Omar Haddad')
  await allowVisit(portal, patient.page, bob, omar)
  await write(omar, bob, labResult(47, '2026-11-14T08:00:00Z'), condition())
  const desk = portal.world.hospital('a')
  const directory = await desk.options.hospital.practitioners(desk.requestSigner)
  const alice = directory.find(({ name }) => name === 'Alice Martin')?.ref as PractitionerRef
  await patient.page.goto(`${portal.url}/patient`)
  await allowVisit(portal, patient.page, bob, { ref: alice })
})
after(async () => {
  app.close()
  await portal?.close()
})

/** The app sends the browser off; `finish` waits until it is back and asks for the token. */
async function start(page: Page, scope: string) {
  const { hospital, requestSigner } = staff()
  const { clientId } = await hospital.registerApp(requestSigner, {
    kind: 'public',
    name: 'Growth chart',
    scopes: ['patient/Observation.rs', 'patient/Condition.rs'],
    redirectUris: [redirect],
  })
  const config = await oidc.discovery(new URL(`${portal.url}/oauth`), clientId, undefined, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const expectedState = oidc.randomState()
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirect,
    scope,
    state: expectedState,
    aud: `${portal.url}/fhir`,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  })
  await page.goto(address.href)
  const back = async (): Promise<URL> => {
    await page.waitForURL((url) => url.href.startsWith(redirect))
    return new URL(page.url())
  }
  return {
    back,
    finish: async () => await oidc.authorizationCodeGrant(config, await back(), { pkceCodeVerifier, expectedState }),
  }
}

function staff() {
  const { options, requestSigner } = portal.world.hospital('a')
  return { hospital: options.hospital, requestSigner }
}

/** The link of the hospital's page, into a tab of its own. */
async function openInPortal(page: Page): Promise<Page> {
  const [tab] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('link', { name: 'Open the portal' }).click(),
  ])
  tab.setDefaultTimeout(60_000)
  return tab
}

async function countOf(token: string, type: string): Promise<number | undefined> {
  const response = await fetch(`${portal.url}/fhir/${type}`, { headers: { authorization: `Bearer ${token}` } })
  if (!response.ok) return undefined
  return ((await response.json()) as { entry?: readonly unknown[] }).entry?.length ?? 0
}

test('a patient reads what an app asks for, keeps something back, and the app gets the rest', async () => {
  const { page } = patient
  const { finish } = await start(page, 'openid fhirUser launch/patient patient/Observation.rs patient/Condition.rs')
  await page.getByRole('heading', { name: 'Open Hospital A in Growth chart?' }).waitFor()
  await shoot(page, 'app-sign-in')
  // It does not load itself again: the focus stays.
  await page.getByRole('link', { name: 'Open the portal' }).focus()
  await page.waitForTimeout(4_500)
  assert.equal(await page.locator('a:focus').count(), 1)
  assert.deepEqual(await violationsOf(page), [])
  const tab = await openInPortal(page)
  await tab.getByRole('heading', { name: 'Allow Growth chart?' }).waitFor()
  await tab.getByText(/Growth chart at 127\.0\.0\.1:\d+ asks Hospital A for your records\./).waitFor()
  await tab.getByLabel('see: results and measurements').waitFor()
  await tab.getByText('who you are').waitFor()
  await tab.getByLabel('see: conditions').uncheck()
  await shoot(tab, 'app-asks')
  assert.deepEqual(await violationsOf(tab), [])
  await tab.setViewportSize({ width: 320, height: 640 })
  await tab.emulateMedia({ colorScheme: 'dark' })
  await shoot(tab, 'app-asks-320')
  assert.deepEqual([await violationsOf(tab), await overflowOf(tab)], [[], 0])
  await tab.getByRole('button', { name: 'Allow Growth chart' }).click()
  await tab.getByRole('heading', { name: 'Allowed' }).waitFor()
  const tokens = await finish()
  assert.equal(await page.getByText('The app.').isVisible(), true)
  const bob = await findPatientRef(portal.world, 'Bob Li')
  assert.equal(tokens['patient'], bob)
  assert.doesNotMatch(tokens.scope ?? '', /Condition/)
  assert.equal(await countOf(tokens.access_token, 'Observation'), 1)
  assert.equal(await countOf(tokens.access_token, 'Condition'), undefined)
  await tab.close()
})

test('a no: the app hears that it was refused and gets nothing; the code has ended', async () => {
  const { page } = patient
  const { back } = await start(page, 'launch/patient patient/Observation.rs')
  const tab = await openInPortal(page)
  const address = tab.url()
  await tab.getByRole('button', { name: 'Do not allow' }).click()
  await tab.getByText('Growth chart was given nothing.').waitFor()
  const { searchParams } = await back()
  assert.deepEqual([searchParams.get('error'), searchParams.get('code')], ['access_denied', null])
  await tab.goto('about:blank')
  await tab.goto(address)
  await tab.getByText('This code is wrong, was answered already, or has ended.').waitFor()
  await tab.close()
})

test('a doctor says whose records, and cannot say yes before', async () => {
  const { page } = doctor
  const { finish } = await start(page, 'launch/patient patient/Observation.rs')
  const tab = await openInPortal(page)
  const yes = tab.getByRole('button', { name: 'Allow Growth chart' })
  await yes.waitFor()
  assert.equal(await yes.isDisabled(), true)
  const bob = await findPatientRef(portal.world, 'Bob Li')
  await tab.getByLabel('Whose records').selectOption(bob)
  await yes.click()
  await tab.getByRole('heading', { name: 'Allowed' }).waitFor()
  const tokens = await finish()
  assert.equal(tokens['patient'], bob)
  assert.equal(await countOf(tokens.access_token, 'Observation'), 1)
})

test('without a key in the browser: where to say yes, with the command', async () => {
  const { page } = await portal.page()
  await page.goto(`${portal.url}/approve#ABCDEFGHJKMN`)
  await page.getByText('Nobody can say yes in this browser yet.').waitFor()
  await page.getByText('trusthealth app approve ABCDEFGHJKMN').waitFor()
})

test('whose browser speaks Chinese is asked in Chinese', async () => {
  const { page, context } = await portal.page({ locale: 'zh-CN' })
  await start(page, 'launch/patient patient/Observation.rs')
  await page.getByRole('heading', { name: '是否在 Growth chart 中打开 Hospital A？' }).waitFor()
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-Hans')
  const [tab] = await Promise.all([page.waitForEvent('popup'), page.getByRole('link', { name: '打开门户' }).click()])
  await tab.getByText('此浏览器中还没有人可以同意').waitFor()
  await context.close()
})

test('no message of the console', () => {
  for (const { messages } of [patient, doctor]) assert.deepEqual(messages, [])
})
