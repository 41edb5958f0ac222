/**
 * The recovery file on paper: printed as a code without its words, and read again by the camera of another browser.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { decodeQR } from 'qr/decode.js'
import { openBrowser, openPage } from './browser.ts'
import { openPortal, PATIENCE_MS, type Portal } from './harness.ts'
import { shoot } from './shoot.ts'

let portal: Portal
let page: Page
let folder: string

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trusthealth-camera-'))
  portal = await openPortal()
  ;({ page } = await portal.page())
  await portal.register(page, 'Bob Li', 'patient')
})

after(async () => {
  await portal.close()
  rmSync(folder, { recursive: true, force: true })
})

const WIDTH = 640
const HEIGHT = 480
const DARK = 16
const LIGHT = 235

/** A picture of the code that the page shows, one byte of brightness for each point. */
async function pictureOf(svg: ReturnType<Page['locator']>): Promise<Uint8Array> {
  const size = Number((await svg.getAttribute('viewBox'))?.split(' ')[2])
  const path = (await svg.locator('path').getAttribute('d')) ?? ''
  const scale = Math.floor(HEIGHT / size)
  const picture = new Uint8Array(WIDTH * HEIGHT).fill(LIGHT)
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)/g)) {
    for (let dy = 0; dy < scale; dy++) {
      const start = (Number(y) * scale + dy) * WIDTH + Number(x) * scale
      picture.fill(DARK, start, start + scale)
    }
  }
  return picture
}

function textOf(picture: Uint8Array): string {
  const data = Uint8Array.from({ length: 3 * picture.length }, (_, i) => picture[Math.floor(i / 3)] ?? 0)
  return decodeQR({ width: WIDTH, height: HEIGHT, data })
}

function filmOf(picture: Uint8Array): Buffer {
  const colours = Buffer.alloc((WIDTH * HEIGHT) / 2, 128)
  const frame = Buffer.concat([Buffer.from('FRAME\n'), picture, colours])
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`)
  return Buffer.concat([head, frame, frame])
}

test('the printed recovery file is a code without the words, and the camera of another browser restores from it', async () => {
  await page.goto(`${portal.url}/patient/keys`)
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save recovery file' }).click()
  const file = readFileSync(await (await waiting).path(), 'utf8')
  await page.locator('.th-words li').nth(5).waitFor()
  const words = await page.locator('.th-words li').allInnerTexts()
  await page.emulateMedia({ media: 'print' })
  const paper = page.locator('.th-paper')
  await paper.getByText('Keep the six words apart from this paper.').waitFor()
  await page.locator('.th-words').waitFor({ state: 'hidden' })
  // One of them may be a word of the text by chance; all six are not.
  const printed = (await paper.innerText()).toLowerCase().split(/\W+/)
  assert.ok(!words.every((word) => printed.includes(word)), 'the words stand on the paper')
  await shoot(page, 'patient-recovery-paper')
  const picture = await pictureOf(paper.locator('svg'))
  assert.equal(textOf(picture), file.trim())

  const camera = join(folder, 'code.y4m')
  writeFileSync(camera, filmOf(picture))
  const browser = await openBrowser({ camera })
  try {
    const other = await openPage(browser, portal.url)
    other.page.setDefaultTimeout(PATIENCE_MS)
    await other.page.goto(`${portal.url}/join`)
    await other.page.getByText('I lost my device and have a recovery file').click()
    await other.page.getByRole('button', { name: 'Scan a code' }).last().click()
    await other.page.getByText('The printed code was read.').waitFor()
    await other.page.getByLabel('The six words').fill(words.join(' '))
    await other.page.getByRole('button', { name: 'Restore' }).click()
    await other.page.waitForURL(/\/patient/)
    await other.page.getByRole('heading', { name: 'My records' }).waitFor()
    assert.deepEqual(other.messages, [])
    assert.deepEqual(other.strangers, [])
  } finally {
    await browser.close()
  }
})

test('without a camera the page says so, and the code can be typed', async () => {
  const { page: other, context } = await portal.page()
  await other.goto(`${portal.url}/join`)
  await other.getByRole('button', { name: 'Scan a code' }).first().click()
  await other.getByText('The camera cannot be used.').waitFor()
  await other.getByLabel('Code or link').fill('ABCD')
  await context.close()
})
