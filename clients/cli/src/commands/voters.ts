/**
 * Whose votes a command casts: the organisations whose administrators' keys are on this device.
 *
 * @module
 */
import type { Organization } from '../../../../hospital/src/index.ts'
import { CommandError, usageError } from '../command-error.ts'
import type { OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { text } from '../option-values.ts'
import type { Consortium } from '../system-file.ts'

/**
 * All of them, or the one of `--hospital`.
 * @throws {CommandError} `CLIENT_USAGE` for a hospital that there is not, `CLIENT_NO_IDENTITY`
 */
export async function votersOf(
  context: Context,
  consortium: Consortium,
  options: OptionValues,
): Promise<Organization[]> {
  const { organizationsHere } = await import('../system/program-votes.ts')
  const here = await organizationsHere(context, consortium)
  const name = text(options, 'hospital')
  const hospital = consortium.hospitals.find((one) => one.name === name || one.slug === name)
  if (name !== undefined && hospital === undefined) {
    throw usageError(`There is no hospital ${name}.`, 'trusthealth hospital list')
  }
  const voters = hospital === undefined ? here : here.filter(({ mspId }) => mspId === hospital.mspId)
  if (voters.length > 0) return voters
  throw new CommandError('CLIENT_NO_IDENTITY', { what: 'The administrator’s keys are not on this device.' })
}
