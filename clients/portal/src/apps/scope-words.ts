/**
 * What a scope of SMART App Launch 2 (§3.0.2) lets an app do, in words of the catalogue.
 *
 * @module
 */
import type { Words } from '../i18n/words.ts'

const SCOPE = /^(patient|user)\/([A-Z][A-Za-z]*|\*)\.([a-z*]+)(?:\?(.+))?$/
/** Words for letters of version 2; version 1 has words of its own. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  read: ['see'],
  write: ['add', 'change', 'erase'],
  '*': ['see', 'add', 'change', 'erase'],
}
const LETTERS = { c: 'add', r: 'see', u: 'change', d: 'erase', s: 'see' } as const
/** Scopes that open no records, and what they say. */
const OTHERS: Readonly<Record<string, string>> = {
  openid: 'who',
  fhirUser: 'who',
  profile: 'who',
  launch: 'patient',
  'launch/patient': 'patient',
  online_access: 'later',
  offline_access: 'later',
}

/** Opens records, so that it can be kept back. */
export function isForRecords(scope: string): boolean {
  return SCOPE.test(scope)
}

/** Undefined: a scope of no meaning here. */
export function scopeWords({ t, has, list }: Words, scope: string): string | undefined {
  const other = OTHERS[scope]
  if (other !== undefined) return t(`apps.other.${other}`)
  const [, level, type = '', verbs = '', query] = SCOPE.exec(scope) ?? []
  if (level === undefined) return undefined
  const can = VERBS[verbs] ?? [...new Set(verbs.split('').map((letter) => LETTERS[letter as keyof typeof LETTERS]))]
  const key = `apps.type.${type === '*' ? 'all' : type}`
  return t(`apps.scope.${level}`, {
    can: list(['see', 'add', 'change', 'erase'].filter((one) => can.includes(one)).map((one) => t(`apps.can.${one}`))),
    what: has(key) ? t(key) : type,
    only: query ?? 'all',
  })
}
