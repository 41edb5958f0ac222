/**
 * Links with which a browser joins as one more device of somebody whose key is here, and the yes to those who come.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  approveHandover,
  approvePatientJoin,
  createDeviceLink,
  isOfLink,
  type DeviceLink,
} from '../../sdk/src/device-join.ts'
import type { HospitalApi } from '../../sdk/src/hospital-api.ts'
import type { WaitingJoin } from '../../sdk/src/hospital-answers/devices.ts'
import type { RequestSigner } from '../../sdk/src/hospital-calls.ts'
import { PatientClient } from '../../sdk/src/patient.ts'
import { hospitalApi, hospitalOf, participantOptions } from './connection.ts'
import type { Context } from './context.ts'
import type { StoredIdentity } from './identities.ts'
import { urlOf, type Consortium, type HospitalEntry, type SystemState } from './system-file.ts'

const LOOK_EVERY_MS = 1_000

export interface OpenLink {
  readonly who: StoredIdentity
  readonly url: string
  readonly link: DeviceLink
}

/** @param ttlSeconds 60 to 86,400. */
export async function openLink(
  context: Context,
  who: StoredIdentity,
  places: { readonly consortium: Consortium; readonly system: SystemState },
  ttlSeconds: number,
): Promise<OpenLink> {
  const { system } = places
  const hospital = placeOf(who, places.consortium)
  const api = hospitalApi(context, system, hospital)
  const link = await createDeviceLink(context.crypto, api, signerOf(who), ttlSeconds)
  return { who, link, url: joinUrl(system, hospital, link.text) }
}

export function joinUrl(system: SystemState, hospital: HospitalEntry, text: string): string {
  return `${urlOf(system, hospital.slug)}/join#${text}`
}

/** Says yes to the device that comes with each link. Resolves when every link was used or has ended, or at `signal`. */
export async function approveJoins(
  context: Context,
  links: readonly OpenLink[],
  places: { readonly consortium: Consortium; readonly system: SystemState },
  { signal, onJoined }: { readonly signal: AbortSignal; readonly onJoined: (link: OpenLink, label: string) => void },
): Promise<void> {
  const open = new Set(links)
  while (open.size > 0 && !signal.aborted) {
    for (const one of open) {
      const label = await approveOne(context, one, places).catch(() => undefined)
      if (label !== undefined) onJoined(one, label)
      if (label !== undefined || one.link.expiresMs < context.clock.nowMs()) open.delete(one)
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

/** The new device's name, if one came. What fails is tried again at the next look. */
async function approveOne(
  context: Context,
  { who, link }: OpenLink,
  { consortium, system }: { readonly consortium: Consortium; readonly system: SystemState },
): Promise<string | undefined> {
  const { crypto } = context
  const api = hospitalApi(context, system, placeOf(who, consortium))
  const as = signerOf(who)
  const join = (await api.waitingJoins(as)).find((one) => isOfLink(crypto, link, one))
  if (join === undefined) return undefined
  if (who.identity.kind === 'patient') {
    const client = new PatientClient(participantOptions(context, who, consortium, system))
    try {
      await approvePatientJoin(client, link, join)
    } finally {
      client.close()
    }
  } else await handOver(context, api, as, who, link, join)
  return join.label
}

async function handOver(
  { crypto }: Context,
  api: HospitalApi,
  as: RequestSigner,
  { identity, keys }: StoredIdentity,
  link: DeviceLink,
  join: WaitingJoin,
): Promise<void> {
  const { credential } = identity
  if (credential.kind !== 'x509') throw new TypeError('no certificate')
  await approveHandover(crypto, api, as, link, join, { keys, chain: credential.chain })
}

/** The person's hospital; of an auditor the first one: what it relays is proven. */
function placeOf(who: StoredIdentity, consortium: Consortium): HospitalEntry {
  const [first] = consortium.hospitals
  return who.identity.kind === 'auditor' && first !== undefined ? first : hospitalOf(who, consortium)
}

function signerOf({ identity }: StoredIdentity): RequestSigner {
  return { ref: identity.ref, signer: identity.signer }
}
