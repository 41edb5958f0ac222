/**
 * Who asks the FHIR façade and the bulk service, and what that allows: one answer for a token of an app and for a signed
 * request of a person. The façade knows nothing else of either.
 *
 * @module
 */
import type { PatientRef } from '../../shared/protocol/src/index.ts'
import { allowances, type ScopeAllowance, type ScopeVerb } from './smart/scopes.ts'

export interface AuthorizationRequest {
  readonly authorization?: string | undefined
  readonly method: string
  /** With the query string. */
  readonly path: string
  /** As it came; signed requests cover it. */
  readonly body: Uint8Array
}

/** Who asks. */
export interface Actor {
  readonly kind: 'system' | 'practitioner' | 'patient' | 'staff'
  /** Client id, reference of a doctor or patient, id of a member of staff. */
  readonly id: string
  readonly name?: string
  /** SMART v2, for example `user/Observation.rs`; of a signed request: everything of its kind. */
  readonly scopes: readonly string[]
  /** What is under `patient/` is limited to this patient. */
  readonly patient?: PatientRef
  /** The app, when a token was used. */
  readonly clientId?: string
}

export interface Authorization {
  /** @throws {ProtocolError} `REQUEST_REJECTED`, the same for every cause. */
  authorize(request: AuthorizationRequest): Promise<Actor>
}

/** How far the scopes reach: everybody or the patient in context only, everything or what fits a query; empty: nothing. */
export function actorMay(actor: Actor, verb: ScopeVerb, resourceType: string): readonly ScopeAllowance[] {
  return allowances(actor.scopes, verb, resourceType, actor.patient !== undefined)
}
