/**
 * Sessions of the trusted application: docs/protocol/05-sessions.md.
 *
 * @module
 */
export type { OrganizationRoots } from './chains.ts'
export type { ClientKind, OrganizationFacts, ParticipantFacts, SessionClient } from './client.ts'
export { organizationFacts } from './organization-facts.ts'
export { MAX_UNANSWERED, type Session } from './session.ts'
export { SessionTable, type Now, type PendingFinish } from './table.ts'
