/**
 * Keys and devices of a patient: a link for one more device, its approval, the recovery file.
 *
 * @module
 */
import type { DeviceLink } from '../../../sdk/src/device-join.ts'
import { createKeys } from '../../../sdk/src/identity.ts'
import { PatientClient } from '../../../sdk/src/patient.ts'
import type { WorkerContext } from '../session/worker-context.ts'

/** A device that came with the link. */
export interface WaitingDevice {
  readonly id: string
  readonly label: string
  readonly digits: string
}

/** Comes when somebody adds a device. */
const joining = () => import('../../../sdk/src/device-join.ts')

export function deviceFunctions(context: WorkerContext) {
  const client = () => context.client(PatientClient)
  let link: DeviceLink | undefined

  return {
    async makeDeviceLink(): Promise<{ readonly text: string; readonly expiresMs: number }> {
      const { createDeviceLink } = await joining()
      const bob = await client()
      link = await createDeviceLink(context.crypto, bob.options.hospital, bob.requestSigner)
      return { text: link.text, expiresMs: link.expiresMs }
    },

    /** Devices that came with the newest link; one that somebody else put in between is not among them. */
    async waitingDevices(): Promise<readonly WaitingDevice[]> {
      const shown = link
      if (shown === undefined) return []
      const { isOfLink, joinDigits } = await joining()
      const bob = await client()
      const waiting = await bob.options.hospital.waitingJoins(bob.requestSigner)
      return waiting
        .filter((one) => isOfLink(context.crypto, shown, one))
        .map((one) => ({ id: one.id, label: one.label, digits: joinDigits(context.crypto, shown.secret, one) }))
    },

    async approveDevice(id: string): Promise<void> {
      const { approvePatientJoin } = await joining()
      const bob = await client()
      const found = (await bob.options.hospital.waitingJoins(bob.requestSigner)).find((one) => one.id === id)
      if (found !== undefined && link !== undefined) await approvePatientJoin(bob, link, found)
    },

    async refuseDevice(id: string): Promise<void> {
      const bob = await client()
      await bob.options.hospital.refuseJoin(bob.requestSigner, id)
    },

    /**
     * Makes a recovery key, registers it, and encrypts it. An earlier recovery key is removed: the newest file counts.
     * @returns the file and its words; neither is kept anywhere.
     */
    async makeRecoveryFile(): Promise<{ readonly file: string; readonly words: readonly string[] }> {
      // Brings a list of 2,048 words.
      const { drawWords, formatRecoveryFile } = await import('../session/recovery.ts')
      const bob = await client()
      const { kept } = await context.acting()
      const { crypto } = context
      const keys = createKeys(crypto)
      const words = drawWords(crypto)
      const { name, mspId, facts } = kept
      const file = await formatRecoveryFile(crypto, words, { ref: bob.ref, mspId, name, keys }, facts)
      const earlier = (await bob.keys()).filter(({ kind, removedMs }) => kind === 'recovery' && removedMs === null)
      const { publicKey } = keys.signingKey
      await bob.addKey({ publicKey, sealKey: keys.sealKey.publicKey, label: 'recovery file', kind: 'recovery' })
      for (const { kid } of earlier) await bob.removeKey(kid)
      return { file, words }
    },

    /** The person has the file and knows the words. */
    async recoverySaved(): Promise<void> {
      const { kept } = await context.acting()
      await context.keys.change(kept.id, { recoverySavedMs: context.clock.nowMs() })
    },

    isPersistent: (): Promise<boolean> => navigator.storage.persisted(),
  }
}
