/**
 * Addresses of our own scripts in the form that the browser's Trusted Types accept. The policy has one name and is made once.
 *
 * @module
 */

/** What of the browser's Trusted Types is used. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): ScriptUrlPolicy
}
interface ScriptUrlPolicy {
  createScriptURL(url: string): unknown
}

let policy: ScriptUrlPolicy | undefined

/** @param path a path of this origin; another origin is refused. */
export function scriptUrl(path: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  if (trustedTypes === undefined) return ownPath(path)
  policy ??= trustedTypes.createPolicy('portal', { createScriptURL: ownPath })
  return policy.createScriptURL(path) as string
}

function ownPath(path: string): string {
  const url = new URL(path, location.origin)
  if (url.origin !== location.origin) throw new TypeError('a script of another origin')
  return url.pathname
}
