/**
 * Somebody who has a key outside of the browser comes into it: the browser asks to join as one more device.
 *
 * @module
 */
import {
  approvePatientJoin,
  createDeviceLink,
  type DeviceLink,
  type PatientClient,
  type RequestSigner,
  type WaitingJoin,
} from '../../clients/sdk/src/index.ts'
import type { PageOptions, WatchedPage } from './browser.ts'
import type { Portal } from './harness.ts'

/** How long until the hospital is asked again whether the browser asked. */
const AGAIN_MS = 100

/** @param approve says yes with the key that there is. */
export async function openJoined(
  portal: Portal,
  as: RequestSigner,
  approve: (link: DeviceLink, join: WaitingJoin) => Promise<void>,
  options: PageOptions = {},
): Promise<WatchedPage> {
  const { world, url } = portal
  const { hospital: api } = world.hospital('a').options
  const link = await createDeviceLink(world.crypto, api, as)
  const opened = await portal.page(options)
  await opened.page.goto(`${url}/join#${link.text}`)
  await opened.page.locator('main button[type=submit]').first().click()
  for (;;) {
    const [join] = await api.waitingJoins(as)
    if (join !== undefined) {
      await approve(link, join)
      break
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
  }
  await opened.page.waitForURL(/\/(patient|auditor)$/)
  return opened
}

export async function openPatient(portal: Portal, bob: PatientClient, options?: PageOptions): Promise<WatchedPage> {
  return await openJoined(portal, bob.requestSigner, (link, join) => approvePatientJoin(bob, link, join), options)
}
