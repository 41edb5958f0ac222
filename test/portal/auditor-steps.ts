/**
 * An auditor comes into a browser: the key moves there from the device that has it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { approveHandover, createDeviceLink } from '../../clients/sdk/src/index.ts'
import type { Certified } from '../../testkit/src/world/by-hand.ts'
import type { PageOptions, WatchedPage } from './browser.ts'
import type { Portal } from './harness.ts'

export async function openAuditor(portal: Portal, sam: Certified, options: PageOptions = {}): Promise<WatchedPage> {
  const { world, url } = portal
  const { crypto } = world
  const { hospital: api } = world.hospital('a').options
  const as = { ref: sam.identity.ref, signer: sam.identity.signer }
  const link = await createDeviceLink(crypto, api, as)
  const opened = await portal.page(options)
  await opened.page.goto(`${url}/join#${link.text}`)
  await opened.page.locator('main button[type=submit]').first().click()
  for (;;) {
    const [join] = await api.waitingJoins(as)
    if (join === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      continue
    }
    const { credential } = sam.identity
    assert.ok(credential.kind === 'x509')
    await approveHandover(crypto, api, as, link, join, { keys: sam.keys, chain: credential.chain })
    break
  }
  await opened.page.waitForURL(/\/auditor/)
  return opened
}
