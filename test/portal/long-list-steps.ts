/**
 * A patient with many records, in the browser.
 *
 * @module
 */
import type { Page } from 'playwright-core'
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import { encodeUtf8 } from '../../shared/crypto/src/index.ts'
import type { PatientRef } from '../../shared/protocol/src/index.ts'
import { labResult } from './people.ts'

const AT_ONCE = 128
const FIRST_MS = Date.UTC(1990, 0, 1)
const APART_MS = 86_400_000

/** One result a day, the oldest first. */
export async function writeMany(doctor: DoctorClient, patient: PatientRef, count: number): Promise<void> {
  const held = (await doctor.warrants()).find((one) => one.patient === patient)
  if (held === undefined) throw new Error('no permission names this doctor')
  for (let done = 0; done < count; done += AT_ONCE) {
    const records = Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, i) => {
      const date = new Date(FIRST_MS + (done + i) * APART_MS).toISOString()
      return { patient, warrant: held.jws, ehr: encodeUtf8(JSON.stringify(labResult(30 + (i % 30), date))) }
    })
    for (const outcome of await doctor.storeMany(records)) if ('code' in outcome) throw new Error(outcome.code)
  }
}

/** Scrolls to the end until nothing more comes. @returns how many records the list says it has. */
export async function scrollToEnd(page: Page): Promise<number> {
  const more = page.getByRole('button', { name: 'Show more' })
  for (;;) {
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
    const isWhole = (await more.count()) === 0
    await page.waitForTimeout(100)
    if (isWhole && (await page.evaluate<boolean>('scrollY + innerHeight >= document.documentElement.scrollHeight - 2')))
      return await page.evaluate<number>(
        `[...new Map([...document.querySelectorAll('.th-row')].map((row) => [row.closest('section').ariaLabel, Number(row.ariaSetSize)])).values()].at(-1)`,
      )
  }
}
