/**
 * `/oauth/…` (the OAuth server), `/fhir/.well-known/smart-configuration`, and `/v1/apps`: apps as staff register them and
 * as people say yes to them.
 *
 * @module
 */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from 'typebox'
import { patientRefShape } from '../../../shared/protocol/src/index.ts'
import { Code, Name, Ref, type RouteParts } from '../route-parts.ts'
import { requireStaff } from '../staff/roles.ts'
import { CLIENT_ALGORITHMS, IDENTITY_SCOPES, OAUTH_PREFIX } from './provider.ts'
import { endedText, PAGE_HEADERS, signInPage } from './sign-in-page.ts'
import type { Smart } from './smart.ts'

const Scopes = Type.Array(Type.String({ maxLength: 256 }), { minItems: 1, maxItems: 256 })
const AppBody = Type.Object(
  {
    kind: Type.Union([Type.Literal('backend'), Type.Literal('confidential'), Type.Literal('public')]),
    name: Name,
    scopes: Scopes,
    redirectUris: Type.Optional(Type.Array(Type.String({ maxLength: 2_048 }), { maxItems: 16 })),
    jwks: Type.Optional(
      Type.Object(
        { keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 16 }) },
        { additionalProperties: false },
      ),
    ),
    jwksUri: Type.Optional(Type.String({ maxLength: 2_048 })),
  },
  { additionalProperties: false },
)
const DecisionBody = Type.Object(
  {
    decision: Type.Union([Type.Literal('approve'), Type.Literal('refuse')]),
    scopes: Type.Optional(Scopes),
    patient: Type.Optional(Ref),
  },
  { additionalProperties: false },
)
const CodeBody = Type.Object({ code: Code }, { additionalProperties: false })
const LaunchBody = Type.Object({ patient: Ref }, { additionalProperties: false })

export function registerAppRoutes({ server, caller, nowMs, guard }: RouteParts, smart: Smart): void {
  server.post('/v1/apps', { schema: { body: AppBody } }, async (request) => {
    requireStaff(await caller(request), 'staff')
    return smart.apps.register(request.body as Static<typeof AppBody>, nowMs())
  })
  server.get('/v1/apps', async (request) => {
    requireStaff(await caller(request), 'staff')
    return { apps: smart.apps.list() }
  })
  server.delete('/v1/apps/:id', async (request) => {
    requireStaff(await caller(request), 'staff')
    smart.apps.remove((request.params as { id: string }).id)
    return { ok: true }
  })
  server.post('/v1/apps/requests', { schema: { body: CodeBody } }, async (request) => {
    const who = await caller(request)
    const { code } = request.body as Static<typeof CodeBody>
    return await guard.guard(request.ip, nowMs(), () => smart.request(who, code))
  })
  server.post('/v1/apps/requests/:code', { schema: { body: DecisionBody } }, async (request) => {
    const who = await caller(request)
    const { code } = request.params as { code: string }
    const { decision, scopes, patient } = request.body as Static<typeof DecisionBody>
    await guard.guard(request.ip, nowMs(), () => {
      if (decision === 'refuse') return smart.refuse(who, code)
      smart.approve(who, code, {
        ...(scopes === undefined ? {} : { scopes }),
        ...(patient === undefined ? {} : { patient: patientRefShape(patient, 'patient') }),
      })
    })
    return { ok: true }
  })
  server.post('/v1/apps/launches', { schema: { body: LaunchBody } }, async (request) => {
    const who = await caller(request)
    const { patient } = request.body as Static<typeof LaunchBody>
    return { launch: smart.launch(who, patientRefShape(patient, 'patient')), iss: smart.fhirUrl }
  })
}

/** In a scope of its own: the OAuth server reads bodies itself. */
export function smartPlugin(smart: Smart, hospitalName: string): (server: FastifyInstance) => void {
  return (server) => {
    server.removeAllContentTypeParsers()
    server.addContentTypeParser('*', (_request, _payload, done) => done(null))
    // SMART App Launch 2 §4.
    server.get('/fhir/.well-known/smart-configuration', (_request, reply) =>
      reply.header('access-control-allow-origin', '*').send(smartConfiguration(smart)),
    )
    server.get(`${OAUTH_PREFIX}/sign-in/:uid`, async (request, reply) => {
      // Finishing answers by itself.
      const { raw } = request
      const languages = request.headers['accept-language']
      fixAddress(raw, smart.publicUrl)
      const signIn = await smart.look(raw, reply.raw).catch((error: unknown) => {
        if ((error as { error?: unknown }).error === undefined) throw error
        return 'ended' as const
      })
      if (signIn === undefined) return reply.hijack()
      if (signIn === 'ended') {
        return reply.status(400).headers(PAGE_HEADERS).type('text/plain; charset=utf-8').send(endedText(languages))
      }
      const { code, clientId } = signIn
      const appName = smart.apps.find(clientId)?.name ?? ''
      const portalUrl = `${smart.publicUrl}/approve#${code}`
      return reply.headers(PAGE_HEADERS).send(signInPage({ appName, hospitalName, code, portalUrl, languages }))
    })
    // 204: nobody has answered yet.
    server.get(`${OAUTH_PREFIX}/sign-in/:uid/state`, (request, reply) => {
      const { uid } = request.params as { uid: string }
      return reply
        .status(smart.isWaiting(uid) ? 204 : 200)
        .header('cache-control', 'no-store')
        .send()
    })
    server.all(`${OAUTH_PREFIX}/*`, async (request, reply) => {
      const provider = await smart.provider()
      reply.hijack()
      const raw = request.raw as typeof request.raw & { originalUrl?: string }
      raw.originalUrl = raw.url ?? ''
      raw.url = withPrompt(raw.originalUrl.slice(OAUTH_PREFIX.length))
      raw.originalUrl = `${OAUTH_PREFIX}${raw.url}`
      fixAddress(raw, smart.publicUrl)
      await provider.callback()(raw, reply.raw)
    })
  }
}

/**
 * OpenID Connect Core §11 gives a refresh token only to who asks for `prompt=consent`; SMART's apps do not, and here the
 * person is asked each time anyway.
 */
function withPrompt(path: string): string {
  const isAuthorization = path.startsWith('/authorize?')
  return isAuthorization && !/[?&]prompt=/.test(path) ? `${path}&prompt=consent` : path
}

/** Every address that the server names is of publicUrl; who sends another Host changes nothing. */
function fixAddress({ headers }: { headers: Record<string, string | string[] | undefined> }, publicUrl: string): void {
  const { host, protocol } = new URL(publicUrl)
  headers['host'] = host
  headers['x-forwarded-host'] = host
  headers['x-forwarded-proto'] = protocol.slice(0, -1)
}

function smartConfiguration(smart: Smart): object {
  const issuer = `${smart.publicUrl}${OAUTH_PREFIX}`
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    grant_types_supported: ['authorization_code', 'client_credentials'],
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: CLIENT_ALGORITHMS,
    scopes_supported: [...IDENTITY_SCOPES, 'patient/*.cruds', 'user/*.cruds', 'system/*.cruds'],
    capabilities: [
      'launch-ehr',
      'launch-standalone',
      'authorize-post',
      'client-public',
      'client-confidential-asymmetric',
      'sso-openid-connect',
      'context-banner',
      'context-ehr-patient',
      'context-standalone-patient',
      'permission-offline',
      'permission-online',
      'permission-patient',
      'permission-user',
      'permission-v2',
    ],
  }
}
