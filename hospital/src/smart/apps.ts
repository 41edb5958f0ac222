/**
 * Apps and backend services that may ask for tokens: registered by staff, with the scopes they may have at most.
 *
 * @module
 */
import { encodeHex, type Crypto } from '../../../shared/crypto/src/index.ts'
import { ProtocolError } from '../../../shared/protocol/src/index.ts'
import type { HospitalDatabase } from '../database.ts'
import { parseScope } from './scopes.ts'

/** `backend`: acts for itself with its key. `confidential`: an app with a key of its own. `public`: one without. */
export type AppKind = 'backend' | 'confidential' | 'public'

export interface NewApp {
  readonly kind: AppKind
  readonly name: string
  /** SMART v2 scopes, the most it may ask for. */
  readonly scopes: readonly string[]
  readonly redirectUris?: readonly string[]
  /** JSON Web Key Set with public keys only. */
  readonly jwks?: { readonly keys: readonly Record<string, unknown>[] }
  readonly jwksUri?: string
}

export interface App extends NewApp {
  readonly clientId: string
  readonly registeredMs: number
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

export class Apps {
  readonly #crypto: Crypto
  readonly #db: HospitalDatabase

  constructor(crypto: Crypto, db: HospitalDatabase) {
    this.#crypto = crypto
    this.#db = db
  }

  /** @throws {ProtocolError} `APP_REJECTED` */
  register(app: NewApp, nowMs: number): App {
    checkApp(app)
    const clientId = `app-${encodeHex(this.#crypto.randomBytes(16))}`
    this.#db.prepare('INSERT INTO smart_app VALUES (?, ?, ?)').run(clientId, JSON.stringify(app), nowMs)
    return { ...app, clientId, registeredMs: nowMs }
  }

  find(clientId: string): App | undefined {
    const row = this.#db.prepare('SELECT * FROM smart_app WHERE client_id = ?').get(clientId) as AppRow | undefined
    return row === undefined ? undefined : appOf(row)
  }

  list(): App[] {
    return (this.#db.prepare('SELECT * FROM smart_app ORDER BY registered_ms').all() as AppRow[]).map(appOf)
  }

  /** Its tokens end with it. @throws {ProtocolError} `HTTP_NOT_FOUND` */
  remove(clientId: string): void {
    const { changes } = this.#db.prepare('DELETE FROM smart_app WHERE client_id = ?').run(clientId)
    if (changes !== 1) throw new ProtocolError('HTTP_NOT_FOUND', 'no such app')
    this.#db.prepare(`DELETE FROM oauth_model WHERE json_extract(payload, '$.clientId') = ?`).run(clientId)
  }
}

interface AppRow {
  readonly client_id: string
  readonly details: string
  readonly registered_ms: number
}

function appOf({ client_id, details, registered_ms }: AppRow): App {
  return { ...(JSON.parse(details) as NewApp), clientId: client_id, registeredMs: registered_ms }
}

function checkApp({ kind, scopes, redirectUris = [], jwks, jwksUri }: NewApp): void {
  const parsed = scopes.map(parseScope)
  const levels = new Set(parsed.map((scope) => scope?.level))
  const isBackend = kind === 'backend'
  const keySources = (jwks === undefined ? 0 : 1) + (jwksUri === undefined ? 0 : 1)
  const isGood =
    parsed.length > 0 &&
    !levels.has(undefined) &&
    // A person's app has what the person has; a service has what the hospital gives it.
    levels.has('system') === isBackend &&
    (!isBackend || levels.size === 1) &&
    isBackend === (redirectUris.length === 0) &&
    keySources === (kind === 'public' ? 0 : 1) &&
    redirectUris.every(isGoodRedirect) &&
    (jwksUri === undefined || jwksUri.startsWith('https://')) &&
    (jwks === undefined || (jwks.keys.length > 0 && jwks.keys.every(isPublicKey)))
  if (!isGood) throw new ProtocolError('APP_REJECTED', 'the description of the app is not as it must be')
}

/** https, or the person's own machine. */
function isGoodRedirect(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, hash } = new URL(text)
  return (
    hash === '' && (protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(hostname)))
  )
}

function isPublicKey(key: Record<string, unknown>): boolean {
  return PRIVATE_MEMBERS.every((member) => !Object.hasOwn(key, member))
}
