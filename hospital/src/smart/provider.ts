/**
 * The OAuth 2 and OpenID Connect server of SMART App Launch 2 and Backend Services: oidc-provider, told what SMART asks.
 * Authorization code with PKCE (S256) for apps, client credentials for backend services, `private_key_jwt` or no secret
 * at all; no passwords, no implicit flow. Access tokens are random and looked up, so that taking one back is immediate.
 *
 * @module
 */
import { Provider, errors, interactionPolicy, type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import type { HospitalDatabase } from '../database.ts'
import type { App, Apps } from './apps.ts'
import type { SmartKeys } from './keys.ts'
import { ModelStore } from './model-store.ts'
import { allowedScopes } from './scopes.ts'
import type { SignIns } from './sign-ins.ts'

export const OAUTH_PREFIX = '/oauth'
const APP_TOKEN_S = 3_600
/** SMART Backend Services: five minutes at most. */
const BACKEND_TOKEN_S = 300
const REFRESH_S = 30 * 86_400
const LAUNCH_SCOPES = ['launch', 'launch/patient', 'online_access'] as const
export const IDENTITY_SCOPES = ['openid', 'fhirUser', 'profile', 'offline_access', ...LAUNCH_SCOPES] as const
/** RFC 7518; SMART App Launch 2 §5.1 asks for RS384 and ES384. */
export const CLIENT_ALGORITHMS = ['RS384', 'ES384'] as const

export interface SmartProviderParts {
  readonly db: HospitalDatabase
  readonly apps: Apps
  readonly signIns: SignIns
  readonly keys: SmartKeys
  /** Address under which everybody reaches this service, without a slash at the end. */
  readonly publicUrl: string
  /** Base of the FHIR façade: what tokens are for. */
  readonly fhirUrl: string
  readonly nowMs: () => number
  /** Name of somebody who may sign in; undefined: not any more. */
  readonly nameOf: (account: string) => string | undefined
}

export function createSmartProvider(parts: SmartProviderParts): Provider {
  const { publicUrl, signIns } = parts
  const provider = new Provider(`${publicUrl}${OAUTH_PREFIX}`, configurationOf(parts))
  // Addresses are those of publicUrl, whatever proxies and Host headers say: see routes.ts.
  provider.proxy = true
  provider.use(async (ctx, next) => {
    await next()
    addLaunchContext(ctx as unknown as KoaContextWithOIDC, signIns)
  })
  return provider
}

function configurationOf({ db, apps, keys, fhirUrl, nowMs, nameOf }: SmartProviderParts): Configuration {
  return {
    adapter: (model: string) => {
      const store = new ModelStore(db, model, nowMs)
      if (model !== 'Client') return store
      // Clients are what staff registered, and nothing else.
      return Object.assign(store, {
        find: (id: string) => Promise.resolve(metadataOf(apps.find(id))),
        upsert: () => Promise.reject(new Error('clients are registered by staff')),
      })
    },
    jwks: keys.jwks,
    cookies: { keys: [...keys.cookieKeys], short: { signed: true }, long: { signed: true } },
    routes: {
      authorization: '/authorize',
      token: '/token',
      revocation: '/revoke',
      introspection: '/introspect',
      jwks: '/jwks',
    },
    responseTypes: ['code'],
    scopes: [...IDENTITY_SCOPES],
    subjectTypes: ['public'],
    clientAuthMethods: ['private_key_jwt', 'none'],
    enabledJWA: { clientAuthSigningAlgValues: [...CLIENT_ALGORITHMS], idTokenSigningAlgValues: ['RS256', 'ES256'] },
    pkce: { required: () => true },
    claims: { openid: ['sub'], fhirUser: ['fhirUser'], profile: ['name', 'fhirUser'] },
    conformIdTokenClaims: false,
    extraParams: {
      // SMART App Launch 2 §2.0.9: whose tokens an app wants; another server's are not given here.
      aud(_ctx, value) {
        if (value !== undefined && value.replace(/\/$/, '') !== fhirUrl)
          throw new errors.InvalidRequest('aud is not this FHIR server')
      },
      launch(_ctx, value) {
        if (value !== undefined && !/^[0-9a-f]{32}$/.test(value))
          throw new errors.InvalidRequest('launch is not of this server')
      },
    },
    extraClientMetadata: { properties: ['smart_scopes'] },
    findAccount: (_ctx, id) => {
      const name = nameOf(id)
      if (name === undefined) return undefined
      return { accountId: id, claims: () => ({ sub: id, name, fhirUser: `${fhirUrl}/${fhirUserOf(id)}` }) }
    },
    // Every sign-in is a new yes of the person; nothing is taken from an earlier one.
    loadExistingGrant: async (ctx) => {
      const grantId = ctx.oidc.result?.consent?.grantId
      return grantId === undefined ? undefined : await ctx.oidc.provider.Grant.find(grantId)
    },
    interactions: { policy: policyOf(), url: (_ctx, { uid }) => `${OAUTH_PREFIX}/sign-in/${uid}` },
    issueRefreshToken: (_ctx, client, code) =>
      Promise.resolve(
        client.grantTypeAllowed('refresh_token') &&
          (code.scopes.has('offline_access') || code.scopes.has('online_access')),
      ),
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    ttl: {
      AccessToken: APP_TOKEN_S,
      AuthorizationCode: 60,
      ClientCredentials: BACKEND_TOKEN_S,
      Grant: REFRESH_S,
      IdToken: APP_TOKEN_S,
      Interaction: 600,
      RefreshToken: REFRESH_S,
      Session: 600,
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => fhirUrl,
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource, client) => {
          if (resource !== fhirUrl) throw new errors.InvalidTarget()
          return {
            scope: allowedScopes(scopesOf(ctx), client['smart_scopes'] as readonly string[]).join(' '),
            audience: fhirUrl,
            accessTokenFormat: 'opaque',
          }
        },
      },
    },
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.canParse(uri) && new URL(uri).origin === origin),
    renderError: (ctx, out) => {
      ctx.type = 'text/plain; charset=utf-8'
      ctx.body = `${out.error}${out.error_description === undefined ? '' : `: ${out.error_description}`}\n`
    },
  }

  function scopesOf(ctx: KoaContextWithOIDC): readonly string[] {
    const { AuthorizationCode, RefreshToken } = ctx.oidc.entities
    const { scope } = ctx.oidc.params ?? {}
    const texts = [typeof scope === 'string' ? scope : '', AuthorizationCode?.scope ?? '', RefreshToken?.scope ?? '']
    return texts.flatMap((text) => text.split(' ')).filter((text) => text !== '')
  }
}

/** Only who has just said yes is signed in. */
function policyOf(): NonNullable<Configuration['interactions']>['policy'] {
  const policy = interactionPolicy.base()
  const login = policy.get('login')
  login?.checks.add(
    new interactionPolicy.Check(
      'said_yes',
      'the person says yes each time',
      (ctx) => ctx.oidc.result?.login === undefined,
    ),
  )
  return policy
}

/** SMART App Launch 2 §2.0.10: what is in context stands beside the token. */
function addLaunchContext(ctx: KoaContextWithOIDC, signIns: SignIns): void {
  const { body } = ctx as unknown as { body?: unknown }
  if (ctx.oidc?.route !== 'token' || ctx.status !== 200 || typeof body !== 'object' || body === null) return
  const { grantId } = ctx.oidc.entities.AccessToken ?? {}
  const patient = grantId === undefined ? undefined : signIns.contextOf(grantId)
  if (patient !== undefined) ctx.body = { ...body, patient, need_patient_banner: true }
}

function metadataOf(app: App | undefined) {
  if (app === undefined) return undefined
  const isBackend = app.kind === 'backend'
  return {
    client_id: app.clientId,
    client_name: app.name,
    application_type: app.redirectUris?.some((uri) => uri.startsWith('http:')) === true ? 'native' : 'web',
    grant_types: isBackend ? ['client_credentials'] : ['authorization_code', 'refresh_token'],
    response_types: isBackend ? [] : ['code'],
    redirect_uris: [...(app.redirectUris ?? [])],
    token_endpoint_auth_method: app.kind === 'public' ? 'none' : 'private_key_jwt',
    ...(app.jwks === undefined ? {} : { jwks: app.jwks }),
    ...(app.jwksUri === undefined ? {} : { jwks_uri: app.jwksUri }),
    smart_scopes: app.scopes,
  }
}

function fhirUserOf(account: string): string {
  if (account.startsWith('p-')) return `Patient/${account}`
  return account.startsWith('d-') ? `Practitioner/${account}` : `Person/${account}`
}
