/** SMART App Launch 2 and Backend Services, judged by openid-client: it discovers, signs, proves and checks by itself. */
import assert from 'node:assert/strict'
import { createHash, type webcrypto } from 'node:crypto'
import { after, before, test } from 'node:test'
import * as jose from 'jose'
import * as oidc from 'openid-client'
import type { App, HospitalApi, RequestSigner } from '../../../clients/sdk/src/index.ts'
import { hospitalApi } from '../../../testkit/src/world/people.ts'
import { openTestWorld, type TestWorld } from '../../../testkit/src/world/index.ts'
import type { PatientRef } from '../../../shared/protocol/src/index.ts'

const REDIRECT = 'http://127.0.0.1:9/callback'
let world: TestWorld
let api: HospitalApi
let url: string
let staff: RequestSigner

before(async () => {
  world = await openTestWorld()
  api = hospitalApi(world.surroundings('a'))
  url = world.surroundings('a').hospitalUrl
  staff = world.hospital('a').requestSigner
})
after(() => world.close())

async function keyPair(alg = 'ES384') {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await jose.exportJWK(publicKey)), kid: 'k1', alg, use: 'sig' }
  return { privateKey, jwks: { keys: [jwk] } }
}

/** A client of the server, as discovered. */
async function clientOf(app: App, key?: webcrypto.CryptoKey): Promise<oidc.Configuration> {
  const authentication = key === undefined ? oidc.None() : oidc.PrivateKeyJwt({ key, kid: 'k1' })
  return await oidc.discovery(new URL(`${url}/oauth`), app.clientId, { redirect_uris: [REDIRECT] }, authentication, {
    execute: [oidc.allowInsecureRequests],
  })
}

/** A browser: keeps cookies, follows redirects, waits at the sign-in page for whoever says yes or no. */
async function browse(start: URL, decide: (code: string) => Promise<void>): Promise<URL> {
  const cookies = new Map<string, string>()
  let next = start.href
  for (let step = 0; step < 12; step++) {
    const response = await fetch(next, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
    const location = response.headers.get('location')
    if (location !== null) {
      next = new URL(location, next).href
      if (next.startsWith(REDIRECT)) return new URL(next)
      continue
    }
    const page = await response.text()
    assert.equal(response.status, 200, page)
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    // One script, and no other could run.
    const script = /<script>([^<]*)<\/script>/.exec(page)?.[1] ?? ''
    const hash = createHash('sha256').update(script).digest('base64')
    assert.ok(response.headers.get('content-security-policy')?.includes(`script-src 'sha256-${hash}';`))
    const state = `${next.split('?')[0]}/state`
    assert.equal((await fetch(state)).status, 204)
    await decide((/<code>([^<]+)<\/code>/.exec(page)?.[1] ?? '').replaceAll(' ', ''))
    assert.equal((await fetch(state)).status, 200)
  }
  throw new Error('the browser went round in circles')
}

interface SignInOptions {
  readonly as: RequestSigner
  readonly scope: string
  readonly key?: webcrypto.CryptoKey
  readonly patient?: PatientRef
  readonly parameters?: Readonly<Record<string, string>>
  readonly decision?: 'approve' | 'refuse'
  readonly granted?: readonly string[]
}

async function signIn(app: App, options: SignInOptions) {
  const { as, scope, key, patient, parameters = {}, decision = 'approve', granted } = options
  const config = await clientOf(app, key)
  const codeVerifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  const start = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope,
    state,
    aud: `${url}/fhir`,
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    ...parameters,
  })
  const back = await browse(start, (code) =>
    api.decideApp(as, code, decision, {
      ...(patient === undefined ? {} : { patient }),
      ...(granted === undefined ? {} : { scopes: granted }),
    }),
  )
  return {
    config,
    tokens: await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier: codeVerifier, expectedState: state }),
  }
}

const publicApp = () =>
  api.registerApp(staff, {
    kind: 'public',
    name: 'Growth chart',
    scopes: ['patient/*.rs', 'user/Observation.cruds'],
    redirectUris: [REDIRECT],
  })

/** Who the hospital takes the token for. */
async function actorOf(token: string) {
  return await world
    .authorization('a')
    .authorize({ authorization: `Bearer ${token}`, method: 'GET', path: '/fhir/Patient', body: new Uint8Array() })
}

test('the discovery document says what SMART asks, and names addresses of this server only', async () => {
  const response = await fetch(`${url}/fhir/.well-known/smart-configuration`, { headers: { host: 'evil.example' } })
  const found = (await response.json()) as Record<string, string | string[]>
  assert.deepEqual(found['code_challenge_methods_supported'], ['S256'])
  assert.ok(found['capabilities']?.includes('client-confidential-asymmetric'))
  assert.ok(found['capabilities']?.includes('permission-v2'))
  for (const name of [
    'authorization_endpoint',
    'token_endpoint',
    'jwks_uri',
    'introspection_endpoint',
    'revocation_endpoint',
  ]) {
    assert.ok((found[name] as string).startsWith(`${url}/oauth/`), name)
  }
  const { keys } = (await (await fetch(found['jwks_uri'] as string)).json()) as { keys: Record<string, unknown>[] }
  assert.deepEqual(
    keys.map(({ alg }) => alg),
    ['RS256', 'ES256'],
  )
  assert.ok(keys.every((key) => key['d'] === undefined))
})

test('a backend service gets a token with its key, for the scopes it was registered for and no more', async () => {
  const { privateKey, jwks } = await keyPair()
  const app = await api.registerApp(staff, { kind: 'backend', name: 'Warehouse', scopes: ['system/*.rs'], jwks })
  const config = await clientOf(app, privateKey)
  const tokens = await oidc.clientCredentialsGrant(config, { scope: 'system/Observation.rs system/Patient.cruds' })
  assert.equal(tokens.scope, 'system/Observation.rs')
  assert.ok((tokens.expires_in ?? 999) <= 300)
  assert.deepEqual(await actorOf(tokens.access_token), {
    kind: 'system',
    id: app.clientId,
    name: 'Warehouse',
    scopes: ['system/Observation.rs'],
    clientId: app.clientId,
  })
  world.clock.advanceMs(301_000)
})

test('another key, a used assertion and a removed service are refused', async () => {
  const [own, other] = [await keyPair('RS384'), await keyPair('RS384')]
  const app = await api.registerApp(staff, { kind: 'backend', name: 'x', scopes: ['system/*.rs'], jwks: own.jwks })
  const wrong = await clientOf(app, other.privateKey)
  await assert.rejects(oidc.clientCredentialsGrant(wrong, { scope: 'system/*.rs' }), { error: 'invalid_client' })
  const none = await clientOf(app)
  await assert.rejects(oidc.clientCredentialsGrant(none, { scope: 'system/*.rs' }), { error: 'invalid_client' })

  const assertion = await new jose.SignJWT({ jti: 'once' })
    .setProtectedHeader({ alg: 'RS384', kid: 'k1' })
    .setIssuer(app.clientId)
    .setSubject(app.clientId)
    .setAudience(`${url}/oauth/token`)
    .setExpirationTime('2m')
    .sign(own.privateKey)
  const ask = async () => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    })
    return (await fetch(`${url}/oauth/token`, { method: 'POST', body })).status
  }
  assert.deepEqual([await ask(), await ask()], [200, 401])

  const config = await clientOf(app, own.privateKey)
  const { access_token: token } = await oidc.clientCredentialsGrant(config, { scope: 'system/*.rs' })
  await api.removeApp(staff, app.clientId)
  await assert.rejects(actorOf(token), { code: 'REQUEST_REJECTED' })
  await assert.rejects(oidc.clientCredentialsGrant(config, { scope: 'system/*.rs' }), { error: 'invalid_client' })
})

test("a patient's app gets the own file, an identity and a token that lasts; the person can give less", async () => {
  const bob = await world.patient('Bob')
  const app = await publicApp()
  const scope =
    'openid fhirUser launch/patient offline_access patient/Observation.rs patient/Condition.rs user/Observation.rs'
  const granted = [
    'openid',
    'fhirUser',
    'launch/patient',
    'offline_access',
    'patient/Observation.rs',
    'user/Observation.rs',
  ]
  const { config, tokens } = await signIn(app, { as: bob.requestSigner, scope: `${scope} system/*.rs`, granted })
  assert.equal(tokens['patient'], bob.ref)
  assert.equal(tokens.claims()?.['fhirUser'], `${url}/fhir/Patient/${bob.ref}`)
  const actor = await actorOf(tokens.access_token)
  assert.deepEqual([actor.kind, actor.patient, actor.scopes], ['patient', bob.ref, ['patient/Observation.rs']])
  assert.ok(tokens.refresh_token)
  const again = await oidc.refreshTokenGrant(config, tokens.refresh_token)
  assert.equal(again['patient'], bob.ref)
  assert.deepEqual((await actorOf(again.access_token)).scopes, ['patient/Observation.rs'])
  // A refresh token is good once; who uses it again loses everything that came of it.
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' })
  await assert.rejects(actorOf(again.access_token), { code: 'REQUEST_REJECTED' })
})

test("a doctor's app: the patient is one whom the doctor treats, chosen or out of the file", async () => {
  const [bob, alice, omar] = [await world.patient('Bob'), await world.doctor('Alice'), await world.doctor('Omar')]
  await world.permit(bob, [alice])
  const { privateKey, jwks } = await keyPair()
  const app = await api.registerApp(staff, {
    kind: 'confidential',
    name: 'Cardiology',
    scopes: ['patient/*.rs', 'user/*.rs'],
    redirectUris: [REDIRECT],
    jwks,
  })
  const scope = 'openid fhirUser launch/patient patient/Observation.rs user/Practitioner.rs'
  const standalone = await signIn(app, { as: alice.requestSigner, scope, key: privateKey, patient: bob.ref })
  assert.equal(standalone.tokens['patient'], bob.ref)
  const actor = await actorOf(standalone.tokens.access_token)
  assert.deepEqual([actor.kind, actor.id, actor.patient], ['practitioner', alice.ref, bob.ref])
  assert.deepEqual(actor.scopes, ['patient/Observation.rs', 'user/Practitioner.rs'])

  const denied = { code: 'ACCESS_DENIED' }
  await assert.rejects(api.launchApp(omar.requestSigner, bob.ref), denied)
  await assert.rejects(signIn(app, { as: omar.requestSigner, scope, key: privateKey, patient: bob.ref }), denied)
  await assert.rejects(signIn(app, { as: alice.requestSigner, scope, key: privateKey }), { code: 'HTTP_BAD_REQUEST' })

  const { launch, iss } = await api.launchApp(alice.requestSigner, bob.ref)
  assert.equal(iss, `${url}/fhir`)
  const ehr = {
    as: alice.requestSigner,
    scope: 'launch patient/Observation.rs',
    key: privateKey,
    parameters: { launch },
  }
  assert.equal((await signIn(app, ehr)).tokens['patient'], bob.ref)
  const { tokens } = await signIn(app, { ...ehr, scope: 'launch user/Observation.rs' })
  assert.equal(tokens['patient'], undefined)
})

test('who says no gives nothing', async () => {
  const bob = await world.patient('Bob')
  const app = await publicApp()
  const refused = signIn(app, { as: bob.requestSigner, scope: 'patient/*.rs', decision: 'refuse' })
  await assert.rejects(refused, { error: 'access_denied' })
})

test('without PKCE, with the plain method, for another server, to another address: refused', async () => {
  const app = await publicApp()
  const base = {
    client_id: app.clientId,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: 'patient/*.rs',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }
  const errorOf = async (changes: Record<string, string | undefined>) => {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries({ ...base, ...changes })) if (value !== undefined) query.set(name, value)
    const response = await fetch(`${url}/oauth/authorize?${query.toString()}`, { redirect: 'manual' })
    const location = response.headers.get('location')
    if (location === null) return (await response.text()).split(':')[0]
    const { searchParams, hash } = new URL(location, url)
    return searchParams.get('error') ?? new URLSearchParams(hash.slice(1)).get('error')
  }
  assert.equal(await errorOf({ code_challenge: undefined, code_challenge_method: undefined }), 'invalid_request')
  assert.equal(await errorOf({ code_challenge_method: 'plain' }), 'invalid_request')
  assert.equal(await errorOf({ aud: 'https://other.example/fhir' }), 'invalid_request')
  assert.equal(await errorOf({ resource: 'https://other.example/fhir' }), 'invalid_target')
  assert.equal(await errorOf({ response_type: 'token' }), 'unsupported_response_type')
  assert.equal(await errorOf({ redirect_uri: 'https://evil.example/' }), 'invalid_redirect_uri')
  assert.equal(await errorOf({}), null)
})

test('apps are as they must be, and registered by administrators only', async () => {
  const { jwks, privateKey } = await keyPair()
  const bad = { code: 'APP_REJECTED' }
  const backend = { kind: 'backend', name: 'x', scopes: ['system/*.rs'], jwks } as const
  const open = { kind: 'public', name: 'x', scopes: ['patient/*.rs'], redirectUris: [REDIRECT] } as const
  const secret = { keys: [await jose.exportJWK(privateKey)] } as unknown as typeof jwks
  for (const app of [
    { ...backend, scopes: ['user/*.rs'] },
    { ...backend, scopes: ['system/*.sr'] },
    { ...backend, jwks: secret },
    { kind: 'backend', name: 'x', scopes: ['system/*.rs'] } as const,
    { ...open, scopes: ['system/*.rs'] },
    { ...open, redirectUris: ['http://other.example/callback'] },
    { ...open, jwks },
    {
      kind: 'confidential',
      name: 'x',
      scopes: ['user/*.rs'],
      redirectUris: [REDIRECT],
      jwksUri: 'http://other.example/',
    } as const,
  ]) {
    await assert.rejects(api.registerApp(staff, app), bad)
  }
  const bob = await world.patient('Bob')
  const alice = await world.doctor('Alice')
  for (const { requestSigner } of [bob, alice]) {
    await assert.rejects(api.registerApp(requestSigner, open), { code: 'TEE_FORBIDDEN' })
    await assert.rejects(api.apps(requestSigner), { code: 'TEE_FORBIDDEN' })
  }
})

test('a wrong or guessed token is nobody', async () => {
  for (const token of ['x', 'A'.repeat(43), '']) await assert.rejects(actorOf(token), { code: 'REQUEST_REJECTED' })
})
