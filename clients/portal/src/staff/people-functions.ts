/**
 * People and their keys, for staff: what the ledger has of a patient or doctor, a new treatment key, members of staff and
 * their devices. What the ledger says is proven in this browser.
 *
 * @module
 */
import { participantRecordShape, patientKeysShape } from '../../../../shared/ledger-model/src/index.ts'
import { patientRefShape } from '../../../../shared/protocol/src/index.ts'
import {
  approveStaffJoin,
  createDeviceLink,
  isOfLink,
  joinDigits,
  type DeviceLink,
} from '../../../sdk/src/device-join.ts'
import { codeOf } from '../../../sdk/src/errors.ts'
import type { WaitingRekey } from '../../../sdk/src/hospital-answers/devices.ts'
import type { StaffEntry } from '../../../sdk/src/hospital-answers/people.ts'
import type { RequestSigner } from '../../../sdk/src/hospital-calls.ts'
import { readLedger } from '../../../sdk/src/ledger-reader.ts'
import type { WorkerContext } from '../session/worker-context.ts'

export interface KeyRow {
  readonly kid: string
  readonly label: string
  readonly kind: 'device' | 'recovery'
  readonly addedMs: number
  readonly removedMs: number | null
  readonly how: 'registration' | 'statement' | 'identity-check'
}

/** A doctor as the ledger has the doctor; `undefined`: not there. */
export interface DoctorState {
  readonly status: 'active' | 'suspended'
  readonly flagged: boolean
  readonly changedMs: number
  readonly earlierKeys: number
}

/** A device that came with the link. */
interface WaitingDevice {
  readonly id: string
  readonly label: string
  readonly digits: string
}

export function peopleFunctions(context: WorkerContext, as: () => Promise<RequestSigner>) {
  let link: DeviceLink | undefined
  const api = () => context.hospital()

  async function ledger() {
    const { kept, identity } = await context.acting()
    return context.ledgerOf(kept.facts, identity)
  }

  return {
    /** Every key that a patient has or had, newest first; proven. */
    async patientKeys(patient: string): Promise<readonly KeyRow[]> {
      const { value } = await readLedger(
        await ledger(),
        'keysOf',
        [patientRefShape(patient, 'patient')],
        patientKeysShape,
      )
      return value.keys
        .map(({ kid, label, kind, addedMs, removedMs, by }) => ({ kid, label, kind, addedMs, removedMs, how: by.how }))
        .toSorted((a, b) => b.addedMs - a.addedMs)
    },

    async doctorState(doctor: string): Promise<DoctorState | undefined> {
      try {
        const { value } = await readLedger(await ledger(), 'participant', [doctor], participantRecordShape)
        const { status, flagged, changedMs, earlierKeys } = value
        return { status, flagged, changedMs, earlierKeys: earlierKeys.length }
      } catch (error) {
        if (codeOf(error) === 'PARTICIPANT_UNKNOWN') return undefined
        throw error
      }
    },

    /** The next treatment key; `provisioned`: the record server has it. */
    async rotateKey(patient: string): Promise<{ readonly version: number; readonly provisioned: boolean }> {
      const { version, provisionedVersion } = await api().rotateTreatmentKey(
        await as(),
        patientRefShape(patient, 'patient'),
      )
      return { version, provisioned: provisionedVersion >= version }
    },

    waitingRekeys: async (): Promise<readonly WaitingRekey[]> => await api().waitingRekeys(await as()),
    members: async (): Promise<readonly StaffEntry[]> => await api().staff(await as()),
    removeStaffKey: async (id: string, kid: string): Promise<void> => await api().removeStaffKey(await as(), id, kid),

    /** For one more device of this member of staff. */
    async makeDeviceLink(): Promise<{ readonly text: string; readonly expiresMs: number }> {
      link = await createDeviceLink(context.crypto, api(), await as())
      return { text: link.text, expiresMs: link.expiresMs }
    },

    /** Devices that came with the newest link; one that somebody else put in between is not among them. */
    async waitingDevices(): Promise<readonly WaitingDevice[]> {
      const shown = link
      if (shown === undefined) return []
      const waiting = await api().waitingJoins(await as())
      return waiting
        .filter((one) => isOfLink(context.crypto, shown, one))
        .map((one) => ({ id: one.id, label: one.label, digits: joinDigits(context.crypto, shown.secret, one) }))
    },

    async answerDevice(id: string, yes: boolean): Promise<void> {
      const who = await as()
      if (!yes) return await api().refuseJoin(who, id)
      const found = (await api().waitingJoins(who)).find((one) => one.id === id)
      if (found !== undefined && link !== undefined) await approveStaffJoin(context.crypto, api(), who, link, found)
    },
  }
}
