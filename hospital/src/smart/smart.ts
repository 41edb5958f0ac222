/**
 * SMART on this hospital: the OAuth server, who signs in to which app, and what a token or signed request allows.
 * Implements the `Authorization` of the FHIR façade.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import type { Crypto } from '../../../shared/crypto/src/index.ts'
import { isPatientRef, isPractitionerRef, ProtocolError, type PatientRef } from '../../../shared/protocol/src/index.ts'
import type { Actor, Authorization, AuthorizationRequest } from '../authorization.ts'
import type { HospitalDatabase } from '../database.ts'
import type { Hospital } from '../hospital.ts'
import type { Registry } from '../registry.ts'
import type { Caller, RequestAuthentication } from '../request-auth.ts'
import { mayStaff } from '../staff/roles.ts'
import type { StaffRegistry } from '../staff/staff-registry.ts'
import { Apps } from './apps.ts'
import { openSmartKeys } from './keys.ts'
import { createSmartProvider, IDENTITY_SCOPES } from './provider.ts'
import { allowedScopes, parseScope } from './scopes.ts'
import { SignIns, type SignIn } from './sign-ins.ts'

export interface SmartParts {
  readonly crypto: Crypto
  readonly db: HospitalDatabase
  readonly registry: Registry
  readonly staff: StaffRegistry
  readonly hospital: Hospital
  readonly authentication: RequestAuthentication
  readonly nowMs: () => number
  /** Known once the service listens. */
  readonly publicUrl: () => string
}

/** What somebody who is asked to say yes sees. */
export interface AppRequest {
  readonly code: string
  readonly app: { readonly clientId: string; readonly name: string; readonly redirectHost: string }
  readonly scopes: readonly string[]
  /** The app wants a patient, and the person must say which. */
  readonly needsPatient: boolean
  readonly patient?: { readonly ref: PatientRef; readonly name: string }
  readonly expiresMs: number
}

export class Smart implements Authorization {
  readonly apps: Apps
  readonly signIns: SignIns
  readonly #parts: SmartParts
  #provider: Promise<Provider> | undefined

  constructor(parts: SmartParts) {
    this.#parts = parts
    this.apps = new Apps(parts.crypto, parts.db)
    this.signIns = new SignIns(parts.crypto, parts.db)
  }

  get publicUrl(): string {
    return this.#parts.publicUrl()
  }

  get fhirUrl(): string {
    return `${this.publicUrl}/fhir`
  }

  provider(): Promise<Provider> {
    this.#provider ??= openSmartKeys(this.#parts.db).then((keys) => {
      const { db, nowMs } = this.#parts
      const { apps, signIns, publicUrl, fhirUrl } = this
      const nameOf = (account: string) => this.#nameOf(account)
      return createSmartProvider({ db, nowMs, apps, signIns, keys, publicUrl, fhirUrl, nameOf })
    })
    return this.#provider
  }

  async authorize({ authorization, method, path, body }: AuthorizationRequest): Promise<Actor> {
    const { authentication, nowMs } = this.#parts
    const token = /^Bearer ([A-Za-z0-9._~+/-]{1,2048}=*)$/i.exec(authorization ?? '')?.[1]
    if (token !== undefined) return await this.#actorOfToken(token)
    return this.#actorOfCaller(await authentication.check({ authorization, method, path, body }, nowMs()))
  }

  /** What an app asks of whom has the code. @throws {ProtocolError} `INVITATION_UNKNOWN`, `TEE_FORBIDDEN` */
  request(caller: Caller, code: string): AppRequest {
    const { registry, nowMs } = this.#parts
    const signIn = this.signIns.require(code, nowMs())
    const app = this.apps.find(signIn.clientId)
    if (app === undefined) throw new ProtocolError('INVITATION_UNKNOWN', 'the app was removed')
    const patient = this.#patientFor(caller, signIn, undefined)
    return {
      code,
      app: {
        clientId: app.clientId,
        name: app.name,
        redirectHost: new URL(app.redirectUris?.[0] ?? 'about:blank').host,
      },
      scopes: signIn.scopes,
      needsPatient: wantsPatient(signIn) && patient === undefined,
      ...(patient === undefined ? {} : { patient: { ref: patient, name: registry.findPatient(patient)?.name ?? '' } }),
      expiresMs: signIn.expiresMs,
    }
  }

  /**
   * The person says yes, to all or to some of what was asked.
   * @throws {ProtocolError} `INVITATION_UNKNOWN`, `TEE_FORBIDDEN`, `ACCESS_DENIED` for a patient whom the person does not
   * treat, `HTTP_BAD_REQUEST` without a patient where one is needed.
   */
  approve(caller: Caller, code: string, chosen: { scopes?: readonly string[]; patient?: PatientRef }): void {
    const signIn = this.signIns.require(code, this.#parts.nowMs())
    const account = accountOf(caller)
    const patient = this.#patientFor(caller, signIn, chosen.patient)
    if (patient === undefined && wantsPatient(signIn)) {
      throw new ProtocolError('HTTP_BAD_REQUEST', 'which patient is missing')
    }
    const wanted = chosen.scopes ?? signIn.scopes
    const granted = signIn.scopes.filter((scope) => wanted.includes(scope) && mayGive(caller, scope))
    this.signIns.approve(signIn, { account, granted, ...(patient === undefined ? {} : { patient }) })
  }

  refuse(caller: Caller, code: string): void {
    this.signIns.refuse(this.signIns.require(code, this.#parts.nowMs()), accountOf(caller))
  }

  /** For `launch`: an app is started out of a patient's file. @throws {ProtocolError} `ACCESS_DENIED` */
  launch(caller: Caller, patient: PatientRef): string {
    this.#requireMaySee(caller, patient)
    return this.signIns.launch(patient, this.#parts.nowMs())
  }

  /** Whether the person at this sign-in page has not answered yet. */
  isWaiting(uid: string): boolean {
    return this.signIns.isOpen(uid, this.#parts.nowMs())
  }

  /**
   * One look of the browser that waits at the sign-in page.
   * @returns what the page shows; undefined: the answer was sent.
   */
  async look(request: IncomingMessage, response: ServerResponse): Promise<SignIn | undefined> {
    const provider = await this.provider()
    const { uid, params } = await provider.interactionDetails(request, response)
    const { client_id: clientId, scope, launch } = params as Record<string, string | undefined>
    const app = this.apps.find(clientId ?? '')
    if (app === undefined) throw new ProtocolError('HTTP_NOT_FOUND', 'no such app')
    const launchPatient = launch === undefined ? undefined : this.signIns.takeLaunch(launch, this.#parts.nowMs())
    const asked = (scope ?? '').split(' ')
    const identity = asked.filter((one) => (IDENTITY_SCOPES as readonly string[]).includes(one))
    const begun = {
      uid,
      clientId: app.clientId,
      scopes: [...identity, ...allowedScopes(asked, app.scopes)],
      ...(launchPatient === undefined ? {} : { launchPatient }),
    }
    const signIn = this.signIns.open(begun, this.#parts.nowMs())
    if (signIn.state === 'open') return signIn
    if (signIn.state === 'refused') {
      const refusal = { error: 'access_denied', error_description: 'the person said no' }
      await provider.interactionFinished(request, response, refusal)
      return undefined
    }
    const { account = '', granted = [], patient } = signIn
    const grant = new provider.Grant({ accountId: account, clientId: app.clientId })
    const withheld = signIn.scopes.filter((one) => !granted.includes(one))
    grant.addOIDCScope(identityScopes(granted))
    grant.rejectOIDCScope(identityScopes(withheld))
    grant.addResourceScope(this.fhirUrl, resourceScopes(granted))
    grant.rejectResourceScope(this.fhirUrl, resourceScopes(withheld))
    const grantId = await grant.save()
    this.signIns.keepContext(grantId, patient)
    const result = { login: { accountId: account, remember: false }, consent: { grantId } }
    await provider.interactionFinished(request, response, result)
    return undefined
  }

  async #actorOfToken(token: string): Promise<Actor> {
    const provider = await this.provider()
    const { registry } = this.#parts
    const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token))
    const clientId = found?.clientId ?? ''
    const app = this.apps.find(clientId)
    if (found === undefined || !found.isValid || found.aud !== this.fhirUrl || app === undefined) throw rejected()
    // What the app was registered for counts now, not only when the token was made.
    const scopes = allowedScopes((found.scope ?? '').split(' '), app.scopes)
    if (!('accountId' in found)) return { kind: 'system', id: clientId, name: app.name, scopes, clientId }
    const { accountId, grantId } = found
    const name = this.#nameOf(accountId)
    if (name === undefined) throw rejected()
    const patient = grantId === undefined ? undefined : this.signIns.contextOf(grantId)
    const common = { id: accountId, name, scopes, clientId, ...(patient === undefined ? {} : { patient }) }
    if (registry.isPatient(accountId)) return { kind: 'patient', ...common, patient: accountId as PatientRef }
    return { kind: accountId.startsWith('d-') ? 'practitioner' : 'staff', ...common }
  }

  #actorOfCaller(caller: Caller): Actor {
    const { ref, role, staff } = caller
    if (role === 'patient') {
      const name = this.#nameOf(ref) ?? ''
      return { kind: 'patient', id: ref, name, patient: ref as PatientRef, scopes: ['patient/*.cruds'] }
    }
    if (role === 'practitioner') {
      return { kind: 'practitioner', id: ref, name: this.#nameOf(ref) ?? '', scopes: ['user/*.cruds'] }
    }
    if (role !== 'staff') throw rejected()
    const scopes = mayStaff(caller, 'records') ? ['user/*.cruds'] : staffScopes(caller)
    return { kind: 'staff', id: staff?.id ?? ref, name: staff?.name ?? this.#parts.hospital.identity.name, scopes }
  }

  #nameOf(account: string): string | undefined {
    const { registry, staff } = this.#parts
    return registry.findPatient(account)?.name ?? registry.findPractitioner(account)?.name ?? staff.find(account)?.name
  }

  /** The patient in context: of a patient the own file, else that of the launch, else the chosen one. */
  #patientFor(caller: Caller, signIn: SignIn, chosen: PatientRef | undefined): PatientRef | undefined {
    if (isPatientRef(caller.ref)) {
      if (signIn.launchPatient !== undefined && signIn.launchPatient !== caller.ref) throw denied()
      return caller.ref
    }
    accountOf(caller)
    const patient = signIn.launchPatient ?? (wantsPatient(signIn) ? chosen : undefined)
    if (patient !== undefined) this.#requireMaySee(caller, patient)
    return patient
  }

  #requireMaySee(caller: Caller, patient: PatientRef): void {
    const { registry, hospital } = this.#parts
    const may =
      caller.ref === patient ||
      mayStaff(caller, 'records') ||
      (isPractitionerRef(caller.ref) && hospital.mayTreat(caller.ref, patient))
    if (!may || !registry.isPatient(patient)) throw denied()
  }
}

function identityScopes(scopes: readonly string[]): string {
  return scopes.filter((one) => parseScope(one) === undefined).join(' ')
}

function resourceScopes(scopes: readonly string[]): string {
  return scopes.filter((one) => parseScope(one) !== undefined).join(' ')
}

/** Front desk: who people are and when they come. */
function staffScopes(caller: Caller): string[] {
  return mayStaff(caller, 'people') ? ['user/Patient.crus', 'user/Practitioner.rs', 'user/Organization.rs'] : []
}

/** An app of a patient reaches the own file only, whatever it asked for. */
function mayGive(caller: Caller, scope: string): boolean {
  const parsed = parseScope(scope)
  if (parsed === undefined) return true
  if (parsed.level === 'system') return false
  return caller.role === 'patient' ? parsed.level === 'patient' : true
}

function wantsPatient({ scopes, launchPatient }: SignIn): boolean {
  return (
    scopes.includes('launch/patient') || launchPatient !== undefined || scopes.some((one) => one.startsWith('patient/'))
  )
}

/** @throws {ProtocolError} `TEE_FORBIDDEN`: auditors and the service itself sign in to no app. */
function accountOf(caller: Caller): string {
  if (caller.role === 'staff' && caller.staff !== undefined) {
    if (!mayStaff(caller, 'records')) throw new ProtocolError('TEE_FORBIDDEN', 'this role opens no records')
    return caller.staff.id
  }
  if (caller.role === 'patient' || caller.role === 'practitioner') return caller.ref
  throw new ProtocolError('TEE_FORBIDDEN', 'this kind of participant signs in to no app')
}

function denied(): ProtocolError {
  return new ProtocolError('ACCESS_DENIED', 'not a patient whom this person treats')
}

function rejected(): ProtocolError {
  return new ProtocolError('REQUEST_REJECTED', 'the token is wrong or has ended')
}
