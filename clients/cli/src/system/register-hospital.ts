/**
 * `trusthealth hospital register`: one more hospital. Its keys are made here; whoever keeps the system running lets it
 * in and starts its program. While nothing runs, the next start does.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isErrorCode } from '../../../../shared/protocol/src/index.ts'
import { CommandError } from '../command-error.ts'
import { timeoutOf } from '../connection.ts'
import type { Context } from '../context.ts'
import { requireSystem, type HospitalEntry } from '../system-file.ts'
import { findLockHolder } from './lock.ts'
import { addHospital, checkFurtherName } from './members.ts'

const LOOK_EVERY_MS = 100
/** On Fabric the newcomer's peer is made, fetches the ledger and gets the contract. */
const FABRIC_TIMEOUT_MS = 180_000

export async function registerHospital(context: Context, name: string): Promise<void> {
  const { state, output, clock, flags } = context
  const { hospitals } = requireSystem(state).consortium
  if (!hospitals.some((hospital) => hospital.name === name)) checkFurtherName(context, name, hospitals)
  if (flags.dryRun === true) {
    output.result({ name }, `Would make the keys of ${name} and let it join.`)
    return
  }
  const sinceMs = clock.nowMs()
  const hospital = await addHospital(context, name)
  const isRunning = findLockHolder(state) !== undefined
  const url = isRunning ? await started(context, hospital, sinceMs) : null
  const { slug, mspId, ref } = hospital
  const next = isRunning
    ? `Its staff act with:  --as ${slug}`
    : 'Nothing runs now: it joins at the next  trusthealth start'
  output.result(
    { name, as: slug, ref, mspId, url },
    `${name} is registered. Its keys are in ${state.hospitals}/${slug}.\n${next}`,
  )
}

/** Until its program runs. @returns its address. @throws {CommandError} why it was not let in; `SERVER_UNAVAILABLE` */
async function started(context: Context, { slug, name }: HospitalEntry, sinceMs: number): Promise<string> {
  const { state, clock, flags } = context
  const isPatient = flags.timeout === undefined && requireSystem(state).consortium.fabric !== undefined
  const untilMs = clock.nowMs() + (isPatient ? FABRIC_TIMEOUT_MS : timeoutOf(context))
  const again = `trusthealth hospital register --name "${name}"`
  while (clock.nowMs() < untilMs && findLockHolder(state) !== undefined) {
    const { programs, refused } = requireSystem(state).system
    const program = programs[slug]
    if (program?.state === 'running') return program.url
    const refusal = refused?.[slug]
    if (refusal !== undefined && refusal.timeMs >= sinceMs) {
      const code = isErrorCode(refusal.code) ? refusal.code : 'SERVICE_FAULT'
      throw new CommandError(code, { what: `${name} was not let in.`, next: again })
    }
    await sleep(LOOK_EVERY_MS)
  }
  throw new CommandError('SERVER_UNAVAILABLE', { what: `${name} does not run yet.`, next: `${again}  goes on with it` })
}
