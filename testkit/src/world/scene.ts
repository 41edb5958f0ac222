/**
 * A world in which Bob has let Alice see him, and one result of his is stored: where most tests begin.
 *
 * @module
 */
import { setTimeout } from 'node:timers/promises'
import { codeOf, type DoctorClient, type PatientClient, type StoredRecord } from '../../../clients/sdk/src/index.ts'
import { labResult } from './records.ts'
import { openTestWorld, type TestWorld, type TestWorldOptions } from './world.ts'

export interface Scene {
  readonly world: TestWorld
  readonly bob: PatientClient
  /** Of Hospital A, with Bob's permission. */
  readonly alice: DoctorClient
  /** Compact JWS of that permission. */
  readonly warrant: string
  readonly stored: StoredRecord
}

export async function openScene(options: TestWorldOptions = {}): Promise<Scene> {
  const world = await openTestWorld(options)
  const bob = await world.patient('bob')
  const alice = await world.doctor('alice')
  const { warrant } = await world.permit(bob, [alice])
  const ehr = labResult(47, world.canary())
  return { world, bob, alice, warrant, stored: await alice.store({ patient: bob.ref, warrant, ehr }) }
}

/** The outcome of `work`, which waits for a time to pass: the world's clocks run ahead, ten seconds each moment. */
export async function whileTimePasses<T>({ clock }: TestWorld, work: Promise<T>): Promise<T> {
  const isSettled = work.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([isSettled, setTimeout(50, false)]))) clock.advanceMs(10_000)
  return await work
}

/** For `assert.rejects`: whether an error has one of these codes. */
export function refusedWith(...codes: readonly string[]): (error: unknown) => true {
  return (error) => {
    const code = codeOf(error) ?? (error as { code?: unknown }).code
    if (typeof code === 'string' && codes.includes(code)) return true
    throw new Error(`refused with ${String(code)}, not ${codes.join(' or ')}`, { cause: error })
  }
}
