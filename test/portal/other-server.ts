/**
 * Another record server on the files of the one that runs, behind the portal's address: an approved program that lies, or
 * one that nobody approved.
 *
 * @module
 */
import { after } from 'node:test'
import type { Page } from 'playwright-core'
import type { Crypto } from '../../shared/crypto/src/index.ts'
import { otherServer } from '../../testkit/src/world/index.ts'
import type { Portal } from './harness.ts'

type Tee = Parameters<typeof otherServer>[1]['tee']

/** From now on the page's way to the record server leads to the other one. It is stopped after the test. */
export async function throughOtherServer(portal: Portal, page: Page, tee: NonNullable<Tee>): Promise<void> {
  await portal.world.server.stop()
  const other = otherServer(portal.world, { name: 'server', tee })
  await other.start()
  after(() => other.stop())
  await other.serving()
  const to = other.url
  await page.route(/\/record-server\//, async (route) => {
    const path = new URL(route.request().url()).pathname.replace('/record-server', '')
    const body = new Uint8Array(route.request().postDataBuffer() ?? new Uint8Array())
    const headers = { 'content-type': 'application/octet-stream' }
    // The page asks on after the test has stopped the server.
    const response = await fetch(to + path, { method: 'POST', headers, body }).catch(() => undefined)
    if (response === undefined) await route.abort()
    else await route.fulfill({ status: response.status, body: Buffer.from(await response.arrayBuffer()) })
  })
}

/** A program that shows readers `shown` where it has `known`, of the same length. */
export function changedPlaintext(crypto: Crypto, known: string, shown: string): { readonly crypto: Crypto } {
  const encrypt: Crypto['encrypt'] = (key, nonce, aad, plaintext) => {
    const bytes = Buffer.from(plaintext)
    const at = bytes.indexOf(known)
    if (at >= 0) bytes.write(shown, at)
    return crypto.encrypt(key, nonce, aad, new Uint8Array(bytes))
  }
  return { crypto: { ...crypto, encrypt } }
}
