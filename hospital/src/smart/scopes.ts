/**
 * Scopes of SMART App Launch 2 (§3.0.2): `level/Type.cruds`, and `level/Type.cruds?category=…`, which reaches only what
 * the search would find (§3.0.2.9). Of a search only parameters of the type itself are taken: no chain, no `_has`, no
 * `_include`, nothing for `*`; a scope with anything else is never given.
 *
 * @module
 */
import { filtersOfScope } from '../fhir/search-query.ts'

/** Create, read, update, delete, search. */
export type ScopeVerb = 'c' | 'r' | 'u' | 'd' | 's'
export type ScopeReach = 'all' | 'own'
type ScopeLevel = 'patient' | 'user' | 'system'

export interface SmartScope {
  readonly level: ScopeLevel
  /** A resource type, or `*`. */
  readonly resourceType: string
  readonly verbs: string
  /** Search parameters that a resource must fit, as written. */
  readonly query?: string
}

/** How far one scope reaches, for one interaction with one type. */
export interface ScopeAllowance {
  readonly reach: ScopeReach
  readonly query?: string
}

// The verbs are in this order (§3.0.2.3); the words of version 1 are taken, too.
const SCOPE = /^(patient|user|system)\/([A-Z][A-Za-z]{1,63}|\*)\.(c?r?u?d?s?|read|write|\*)(?:\?(.{1,192}))?$/
const VERSION_1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' }

/** Undefined: not a scope for resources. */
export function parseScope(text: string): SmartScope | undefined {
  const match = SCOPE.exec(text)
  const [, level, resourceType, verbs, query] = match ?? []
  if (level === undefined || resourceType === undefined || verbs === undefined || verbs === '') return undefined
  const scope = { level: level as ScopeLevel, resourceType, verbs: VERSION_1[verbs] ?? verbs }
  if (query === undefined) return scope
  // Version 1 knows no queries.
  if (Object.hasOwn(VERSION_1, verbs) || filtersOfScope(resourceType, query) === undefined) return undefined
  return { ...scope, query }
}

/** Whether one scope gives everything that the other gives. */
export function covers(wide: SmartScope, narrow: SmartScope): boolean {
  return (
    wide.level === narrow.level &&
    (wide.resourceType === '*' || wide.resourceType === narrow.resourceType) &&
    narrow.verbs.split('').every((verb) => wide.verbs.includes(verb)) &&
    coversQuery(wide.query, narrow.query)
  )
}

/** Every further parameter makes a search narrower. */
function coversQuery(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined) return true
  const pairs = new Set([...new URLSearchParams(narrow)].map((pair) => JSON.stringify(pair)))
  return [...new URLSearchParams(wide)].every((pair) => pairs.has(JSON.stringify(pair)))
}

/** Of the scopes that are asked for, those that a client registered for. */
export function allowedScopes(asked: readonly string[], registered: readonly string[]): string[] {
  const wide = registered.map(parseScope).filter((scope) => scope !== undefined)
  return asked.filter((text) => {
    const narrow = parseScope(text)
    return narrow !== undefined && wide.some((scope) => covers(scope, narrow))
  })
}

/**
 * What the scopes give together; empty: nothing.
 * @param hasPatient whether a patient is in context; without one, `patient/` gives nothing.
 */
export function allowances(
  scopes: readonly string[],
  verb: ScopeVerb,
  resourceType: string,
  hasPatient: boolean,
): readonly ScopeAllowance[] {
  return scopes.flatMap((text): ScopeAllowance[] => {
    const scope = parseScope(text)
    if (scope === undefined || !scope.verbs.includes(verb)) return []
    if (scope.resourceType !== '*' && scope.resourceType !== resourceType) return []
    if (scope.level === 'patient' && !hasPatient) return []
    const reach = scope.level === 'patient' ? 'own' : 'all'
    return [{ reach, ...(scope.query === undefined ? {} : { query: scope.query }) }]
  })
}
