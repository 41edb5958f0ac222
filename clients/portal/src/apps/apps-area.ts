/**
 * Apps that ask for somebody's yes (SMART App Launch 2): what one asks for, and the answer, signed with the key of who acts.
 *
 * @module
 */
import { patientRefShape } from '../../../../shared/protocol/src/index.ts'
import type { AppRequest } from '../../../sdk/src/hospital-answers/apps.ts'
import type { RequestSigner } from '../../../sdk/src/hospital-calls.ts'
import type { WorkerContext } from '../session/worker-context.ts'

/** Somebody whose records the app may be given. */
export interface PatientChoice {
  readonly ref: string
  readonly name: string
}

/** A yes: `scopes` of those that were asked for; `patient` where the app needs one and the person is none. */
export interface AppConsent {
  readonly scopes: readonly string[]
  readonly patient?: string
}

export function appsArea(context: WorkerContext) {
  async function as(): Promise<RequestSigner> {
    const { identity } = await context.acting()
    return { ref: identity.ref, signer: identity.signer }
  }
  const api = () => context.hospital()

  return {
    /** @throws {ClientError} `INVITATION_UNKNOWN`: wrong, used or ended. */
    request: async (code: string): Promise<AppRequest> => await api().appRequest(await as(), plain(code)),

    async allow(code: string, { scopes, patient }: AppConsent): Promise<void> {
      await api().decideApp(await as(), plain(code), 'approve', {
        scopes,
        ...(patient === undefined ? {} : { patient: patientRefShape(patient, 'patient') }),
      })
    },

    async refuse(code: string): Promise<void> {
      await api().decideApp(await as(), plain(code), 'refuse')
    },

    /** Of a doctor those with a permission, of staff everybody who is registered; the hospital decides again. */
    async patients(): Promise<readonly PatientChoice[]> {
      const { kept } = await context.acting()
      const who = await as()
      if (kept.kind !== 'practitioner') return (await api().patients(who)).map(({ ref, name }) => ({ ref, name }))
      const names = new Map((await api().warrants(who)).map(({ patient, patientName }) => [patient, patientName]))
      return [...names].map(([ref, name]) => ({ ref, name }))
    },
  }
}

/** As people type it: with blanks, in small letters. */
function plain(code: string): string {
  return code.replaceAll(/[\s-]/g, '').toUpperCase()
}
