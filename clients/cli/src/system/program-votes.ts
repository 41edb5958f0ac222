/**
 * Votes for the record server's program by the organisations whose administrators' keys are in this state folder.
 * Spec: docs/protocol/07-ledger.md §7.15, 10-tee-abi.md §10.8.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openOrganization, type Organization } from '../../../../hospital/src/index.ts'
import { submitCall, type Ledger } from '../../../../ledger/client/src/index.ts'
import type { Context } from '../context.ts'
import { hospitalFolder, type Consortium } from '../system-file.ts'

/** The operator and the hospitals whose keys are here; makes none. */
export async function organizationsHere(context: Context, consortium: Consortium): Promise<Organization[]> {
  const { state, crypto, clock } = context
  const { operatorMspId, hospitals } = consortium
  const all = [
    { folder: state.operator, mspId: operatorMspId },
    ...hospitals.map(({ slug, mspId }) => ({ folder: hospitalFolder(state, slug), mspId })),
  ]
  const here = all.filter(({ folder }) => existsSync(join(folder, 'organization.json')))
  const nowMs = () => clock.nowMs()
  return await Promise.all(here.map(({ folder, mspId }) => openOrganization(folder, { crypto, mspId, nowMs })))
}

/** One vote of each; repeating it changes nothing. @throws {LedgerError} as `Ledger.submit` */
export async function voteForProgram(
  ledger: Ledger,
  organizations: readonly Organization[],
  program: { readonly measurement: string; readonly securityVersion: number },
): Promise<void> {
  const args = [program.measurement, String(program.securityVersion)]
  for (const { admin } of organizations) await submitCall(ledger, admin, { fn: 'approveProgram', args })
}

/** @throws {LedgerError} as `Ledger.submit` */
export async function withdrawVotes(
  ledger: Ledger,
  organizations: readonly Organization[],
  measurement: string,
): Promise<void> {
  for (const { admin } of organizations) await submitCall(ledger, admin, { fn: 'withdrawProgram', args: [measurement] })
}
