/**
 * CycloneDX's own JSON schema of 1.5, strict: unknown members are faults. By the project's library, which brings the
 * schema, so that nothing is fetched.
 *
 * @module
 */
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'

/** What the schema says against a bill; empty: nothing. */
export async function findSchemaFaults(bill: string): Promise<string[]> {
  const found: unknown = await new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(bill)
  if (found === null) return []
  return (found as readonly { readonly instancePath?: string; readonly message?: string }[]).map(
    ({ instancePath = '', message = 'is wrong' }) => `${instancePath} ${message}`,
  )
}
