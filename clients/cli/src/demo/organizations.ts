/**
 * Administrators of the hospitals, whose keys lie in the state folder of a practice system.
 *
 * @module
 */
import { openOrganization, type Administrator } from '../../../../hospital/src/index.ts'
import type { MspId } from '../../../../shared/protocol/src/index.ts'
import type { Context } from '../context.ts'

export async function administratorOf(
  folder: string,
  mspId: MspId,
  { crypto, clock }: Pick<Context, 'crypto' | 'clock'>,
): Promise<Administrator> {
  const { admin } = await openOrganization(folder, { crypto, mspId, nowMs: () => clock.nowMs() })
  return admin
}
