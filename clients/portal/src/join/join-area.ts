/**
 * How a person comes into this browser: with a code of the hospital (12 characters, a new person), with a link of another
 * device (28 characters), or with a recovery file. Keys are made here.
 *
 * @module
 */
import type { Credential } from '../../../../shared/protocol/src/session/index.ts'
import { asMspId, requireConsortium } from './joined.ts'
import { ClientError } from '../../../sdk/src/errors.ts'
import { askToJoin, CODE_LENGTH, joinDigits, openHandover, parseDeviceLink } from '../../../sdk/src/device-join.ts'
import type { HospitalApi } from '../../../sdk/src/hospital-api.ts'
import type { Joined } from '../../../sdk/src/hospital-answers/devices.ts'
import { cardOf, type IdentityCard } from '../session/core-area.ts'
import type { Facts } from '../session/facts.ts'
import type { BrowserKeys, KeptIdentity } from '../session/key-store.ts'
import type { WorkerContext } from '../session/worker-context.ts'
import { restoreFrom } from './restore.ts'

export type JoinProgress =
  /** The hospital has the request; the other device decides. The person compares the digits. */
  { readonly state: 'waiting'; readonly digits: string }

const ASK_AGAIN_MS = 1_000

export function joinArea(context: WorkerContext) {
  /** One request a link: asked again after a reload, the keys must be the same. */
  let pending: { readonly text: string; readonly keys: BrowserKeys } | undefined

  return {
    /**
     * A code or a link, as it was typed or scanned.
     * @throws {ClientError} `INVITATION_UNKNOWN`, `REQUEST_REJECTED` when the other device said no.
     */
    async join(
      given: string,
      device: { readonly label: string; readonly name: string },
      report?: (progress: JoinProgress) => void,
    ): Promise<IdentityCard> {
      const text = given.replaceAll(/[\s-]/g, '').toUpperCase()
      if (pending?.text !== text) pending = { text, keys: await context.keys.makeKeys() }
      const { keys } = pending
      const api = context.hospital()
      const card =
        text.length === CODE_LENGTH
          ? await register(context, api, text, device, keys)
          : await joinOther(context, api, text, device.label, keys, report)
      pending = undefined
      return card
    },

    /** @param words the six words of the recovery file. */
    restore: (file: string, words: string, label: string): Promise<IdentityCard> =>
      restoreFrom(context, file, words, label),
  }
}

async function register(
  context: WorkerContext,
  api: HospitalApi,
  code: string,
  { label, name }: { readonly label: string; readonly name: string },
  keys: BrowserKeys,
): Promise<IdentityCard> {
  const facts = await context.facts()
  const { kind: invited } = await api.codeUse(code)
  if (invited === 'staff') return await registerStaff(context, api, code, label, keys, facts)
  const registered = await api.register(code, label, keys.signer, keys.sealKey.publicKey)
  const { ref, kind, mspId } = registered
  requireConsortium(registered.hospital.ref, facts)
  const credential: Credential =
    registered.kind === 'patient'
      ? { kind: 'patient', jws: registered.credential }
      : { kind: 'x509', chain: registered.chain }
  return await keep(context, keys, { kind, ref, mspId: asMspId(mspId), name, label, credential })
}

/** The hospital knows the key; the record server does not, so there is no credential for it. */
async function registerStaff(
  context: WorkerContext,
  api: HospitalApi,
  code: string,
  label: string,
  keys: BrowserKeys,
  facts: Facts,
): Promise<IdentityCard> {
  const { ref, name, id, roles, hospital } = await api.registerStaff(code, label, keys.signer, keys.sealKey.publicKey)
  requireConsortium(hospital.ref, facts)
  const credential = { kind: 'x509', chain: [] } as const
  const { mspId } = facts.hospital
  return await keep(context, keys, { kind: 'organization', ref, mspId, name, label, credential, extra: { id, roles } })
}

async function joinOther(
  context: WorkerContext,
  api: HospitalApi,
  text: string,
  label: string,
  keys: BrowserKeys,
  report?: (progress: JoinProgress) => void,
): Promise<IdentityCard> {
  const { crypto } = context
  const link = parseDeviceLink(text)
  const device = { label, signer: keys.signer, sealKey: keys.sealKey.publicKey }
  const digits = joinDigits(crypto, link.secret, {
    publicKey: keys.signer.publicKey,
    sealKey: keys.sealKey.publicKey,
  })
  for (;;) {
    const answer = await askToJoin(crypto, api, link, device)
    if (answer.state === 'approved') return await keepJoined(context, keys, answer.joined, label)
    if (answer.state === 'refused') throw new ClientError('REQUEST_REJECTED')
    report?.({ state: 'waiting', digits })
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
  }
}

async function keepJoined(
  context: WorkerContext,
  keys: BrowserKeys,
  joined: Joined,
  label: string,
): Promise<IdentityCard> {
  const { hospital } = await context.facts()
  const { mspId } = hospital
  if (joined.kind === 'patient') {
    const { ref, name, credential } = joined
    return await keep(context, keys, {
      kind: 'patient',
      ref,
      mspId,
      name,
      label,
      credential: { kind: 'patient', jws: credential },
    })
  }
  if (joined.kind === 'staff') {
    // The hospital knows the key; the record server does not, so there is no credential for it.
    const { kind: _kind, ref, name, ...staff } = joined
    const credential = { kind: 'x509', chain: [] } as const
    return await keep(context, keys, { kind: 'organization', ref, mspId, name, label, credential, extra: staff })
  }
  // One certified key, which came sealed to the keys made here; from now on it cannot leave this browser either.
  const { ref, name, kind, handover } = joined
  const opened = openHandover(context.crypto, keys.sealKey, ref, handover)
  const moved = await context.keys.importKeys(opened.signingKey, opened.sealKey)
  opened.signingKey.fill(0)
  opened.sealKey.fill(0)
  const credential = { kind: 'x509', chain: opened.chain } as const
  return await keep(context, moved, { kind, ref, mspId, name, label, credential })
}

async function keep(
  context: WorkerContext,
  keys: BrowserKeys,
  rest: Pick<KeptIdentity, 'kind' | 'ref' | 'mspId' | 'name' | 'label' | 'credential' | 'extra'>,
): Promise<IdentityCard> {
  const facts = await context.facts()
  const createdMs = context.clock.nowMs()
  return cardOf(await context.keys.keep(keys, { ...rest, facts, createdMs }))
}
