/**
 * Answers about apps (SMART App Launch 2).
 *
 * @module
 */
import {
  bool,
  list,
  oneOf,
  optional,
  patientRefShape,
  struct,
  text,
  uint,
  type Infer,
} from '../../../../shared/protocol/src/index.ts'

const scopesShape = list(text({ max: 256 }), { max: 256 })

export const appShape = struct({
  clientId: text({ max: 64 }),
  kind: oneOf('backend', 'confidential', 'public'),
  name: text({ max: 128 }),
  scopes: scopesShape,
  redirectUris: optional(list(text({ max: 2_048 }), { max: 16 })),
  jwks: optional((value: unknown) => value as { readonly keys: readonly Readonly<Record<string, unknown>>[] }),
  jwksUri: optional(text({ max: 2_048 })),
  registeredMs: uint(),
})

/** An app that may ask for tokens (SMART App Launch 2). @useDeclaredType */
export type App = Infer<typeof appShape>
export type NewApp = Omit<App, 'clientId' | 'registeredMs'>

export const appRequestShape = struct({
  code: text({ max: 12 }),
  app: struct({ clientId: text({ max: 64 }), name: text({ max: 128 }), redirectHost: text({ max: 256 }) }),
  scopes: scopesShape,
  needsPatient: bool(),
  patient: optional(struct({ ref: patientRefShape, name: text({ max: 128 }) })),
  expiresMs: uint(),
})
/** @useDeclaredType */
export type AppRequest = Infer<typeof appRequestShape>
