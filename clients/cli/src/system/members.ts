/**
 * Hospitals of this system: their names, their own folders and keys, and one more of them. What stands in
 * `consortium.json` is to run; whoever keeps the system running lets in what is new there.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openOrganization, openServiceIdentity, type Organization } from '../../../../hospital/src/index.ts'
import { MAX_ORGANIZATIONS } from '../../../../shared/ledger-model/src/index.ts'
import { mspIdShape } from '../../../../shared/protocol/src/index.ts'
import { usageError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { slugOf } from '../state-folder.ts'
import {
  hospitalFolder,
  LEDGER_PROGRAM,
  requireSystem,
  SERVER_PROGRAM,
  writeConsortium,
  type HospitalEntry,
} from '../system-file.ts'
import { takeLock } from './lock.ts'
import { OPERATOR_MSP_ID } from './operator.ts'

export interface Member extends HospitalEntry {
  readonly organization: Organization
}

const MAX_FIRST_HOSPITALS = 8

/** Keys and reference of a hospital; made when they are not there. */
export async function openMember({ state, crypto, clock }: Context, name: string, slug: string): Promise<Member> {
  const nowMs = () => clock.nowMs()
  const mspId = mspIdShape(mspIdOf(name), 'mspId')
  const folder = hospitalFolder(state, slug)
  const organization = await openOrganization(folder, { crypto, mspId, nowMs })
  const { ref } = await openServiceIdentity(folder, name, organization, crypto, nowMs)
  return { slug, name, mspId, ref, organization }
}

/** Names for the first start. @throws {CommandError} `CLIENT_USAGE` */
export function checkNames(names: readonly string[]): readonly string[] {
  if (names.length > 0 && names.length <= MAX_FIRST_HOSPITALS && areGood(names)) return names
  throw usageError('Each hospital needs a name of its own that begins with a letter.', '--hospital "Hospital A"')
}

/**
 * One more hospital, with its keys, that the next look at `consortium.json` finds; one that is there is as it was.
 * @throws {CommandError} `CLIENT_USAGE`, `CLIENT_NOT_RUNNING` if nothing was ever started, `CLIENT_ALREADY_RUNNING`
 * while somebody else does the same.
 */
export async function addHospital(context: Context, name: string): Promise<HospitalEntry> {
  const { state } = context
  const release = takeLock(state, `${state.lock}.register`)
  try {
    const { consortium } = requireSystem(state)
    const { hospitals } = consortium
    const known = hospitals.find((hospital) => hospital.name === name)
    if (known !== undefined) {
      // Written again: whoever watches looks again.
      writeConsortium(state, consortium)
      return known
    }
    checkFurtherName(context, name, hospitals)
    const { organization: _, ...entry } = await openMember(context, name, slugOf(name))
    writeConsortium(state, { ...consortium, hospitals: [...hospitals, entry] })
    return entry
  } finally {
    release()
  }
}

/** @throws {CommandError} `CLIENT_USAGE` */
export function checkFurtherName({ state }: Context, name: string, hospitals: readonly HospitalEntry[]): void {
  const slug = slugOf(name)
  if (!areGood([...hospitals.map((hospital) => hospital.name), name])) {
    throw usageError('A hospital needs a name of its own that begins with a letter.', '--name "Hospital C"')
  }
  if (existsSync(join(state.identities, `${slug}.json`))) {
    throw usageError(`Somebody on this device is called ${slug} already.`, 'another --name')
  }
  // The operator is an organisation, too.
  if (hospitals.length + 2 > MAX_ORGANIZATIONS) throw usageError('There are as many organisations as there can be.')
}

function areGood(names: readonly string[]): boolean {
  const slugs = names.map(slugOf)
  const mspIds = names.map(mspIdOf)
  const reserved = new Set<string>([LEDGER_PROGRAM, SERVER_PROGRAM])
  return (
    new Set(slugs).size === slugs.length &&
    new Set([OPERATOR_MSP_ID, ...mspIds]).size === mspIds.length + 1 &&
    slugs.every((slug) => !reserved.has(slug)) &&
    names.every((name) => name.length <= 128) &&
    mspIds.every((mspId) => /^[A-Za-z][A-Za-z0-9]{1,31}$/.test(mspId))
  )
}

/** `Hospital A` is `HospitalA`. */
function mspIdOf(name: string): string {
  const words = slugOf(name)
    .split('-')
    .filter((word) => word !== '')
  return words
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
    .slice(0, 32)
}
