/**
 * What a patient does in the browser before a test begins.
 *
 * @module
 */
import type { Page } from 'playwright-core'
import type { DoctorClient } from '../../clients/sdk/src/index.ts'
import type { PatientRef } from '../../shared/protocol/src/index.ts'
import type { Portal } from './harness.ts'
import { book } from './people.ts'

/** The hospital books a visit with the doctor, and the patient, who is on the first screen, signs the permission. */
export async function allowVisit(
  { world }: Portal,
  page: Page,
  patient: PatientRef,
  doctor: Pick<DoctorClient, 'ref'>,
) {
  await book(world, patient, doctor)
  await page.reload()
  await page.getByRole('button', { name: 'Review' }).click()
  await page.getByRole('button', { name: 'Allow and sign' }).click()
  await page.getByRole('heading', { name: 'Allowed' }).waitFor()
}
