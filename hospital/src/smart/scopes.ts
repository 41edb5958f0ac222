/**
 * Scopes of SMART App Launch 2 (§3.0.2): `level/Type.cruds`. Scopes with a query (`?category=…`) are not supported: one
 * that is asked for is not given.
 *
 * @module
 */

/** Create, read, update, delete, search. */
export type ScopeVerb = 'c' | 'r' | 'u' | 'd' | 's'
export type ScopeReach = 'all' | 'own'
type ScopeLevel = 'patient' | 'user' | 'system'

export interface SmartScope {
  readonly level: ScopeLevel
  /** A resource type, or `*`. */
  readonly resourceType: string
  readonly verbs: string
}

// The verbs are in this order (§3.0.2.3); the words of version 1 are taken, too.
const SCOPE = /^(patient|user|system)\/([A-Z][A-Za-z]{1,63}|\*)\.(c?r?u?d?s?|read|write|\*)$/
const VERSION_1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' }

/** Undefined: not a scope for resources. */
export function parseScope(text: string): SmartScope | undefined {
  const match = SCOPE.exec(text)
  const [, level, resourceType, verbs] = match ?? []
  if (level === undefined || resourceType === undefined || verbs === undefined || verbs === '') return undefined
  return { level: level as ScopeLevel, resourceType, verbs: VERSION_1[verbs] ?? verbs }
}

/** Whether one scope gives everything that the other gives. */
export function covers(wide: SmartScope, narrow: SmartScope): boolean {
  return (
    wide.level === narrow.level &&
    (wide.resourceType === '*' || wide.resourceType === narrow.resourceType) &&
    narrow.verbs.split('').every((verb) => wide.verbs.includes(verb))
  )
}

/** Of the scopes that are asked for, those that a client registered for. */
export function allowedScopes(asked: readonly string[], registered: readonly string[]): string[] {
  const wide = registered.map(parseScope).filter((scope) => scope !== undefined)
  return asked.filter((text) => {
    const narrow = parseScope(text)
    return narrow !== undefined && wide.some((scope) => covers(scope, narrow))
  })
}

/** @param hasPatient whether a patient is in context; without one, `patient/` gives nothing. */
export function allows(
  scopes: readonly string[],
  verb: ScopeVerb,
  resourceType: string,
  hasPatient: boolean,
): ScopeReach | undefined {
  let reach: ScopeReach | undefined
  for (const text of scopes) {
    const scope = parseScope(text)
    if (scope === undefined || !scope.verbs.includes(verb)) continue
    if (scope.resourceType !== '*' && scope.resourceType !== resourceType) continue
    if (scope.level !== 'patient') return 'all'
    if (hasPatient) reach = 'own'
  }
  return reach
}
