/**
 * An auditor comes into a browser: the key moves there from the device that has it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { approveHandover } from '../../clients/sdk/src/index.ts'
import type { Certified } from '../../testkit/src/world/by-hand.ts'
import type { PageOptions, WatchedPage } from './browser.ts'
import type { Portal } from './harness.ts'
import { openJoined } from './join-steps.ts'

export async function openAuditor(portal: Portal, sam: Certified, options: PageOptions = {}): Promise<WatchedPage> {
  const { crypto } = portal.world
  const { hospital: api } = portal.world.hospital('a').options
  const { ref, signer, credential } = sam.identity
  assert.ok(credential.kind === 'x509')
  const { chain } = credential
  const as = { ref, signer }
  return await openJoined(
    portal,
    as,
    (link, join) => approveHandover(crypto, api, as, link, join, { keys: sam.keys, chain }),
    options,
  )
}
