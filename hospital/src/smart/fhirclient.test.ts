/** SMART's own library as an app: it finds the server by its FHIR address, signs a doctor in and gets the patient. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import type { HospitalApi } from '../../../clients/sdk/src/index.ts'
import { hospitalApi } from '../../../testkit/src/world/people.ts'
import { openTestWorld, type TestWorld } from '../../../testkit/src/world/index.ts'

let world: TestWorld
let api: HospitalApi
before(async () => {
  world = await openTestWorld()
  api = hospitalApi(world.surroundings('a'))
})
after(() => world.close())

/** What of the library this uses; its own types bring those of browsers with them, for the whole project. */
type FhirClient = (
  request: IncomingMessage,
  response: ServerResponse,
  storage: object,
) => { authorize(options: object): Promise<unknown>; ready(): Promise<Launched> }
const require = createRequire(import.meta.url)
const smart = require('fhirclient') as FhirClient

interface Launched {
  readonly patient: { readonly id: string | null }
  readonly user: { readonly fhirUser: string | null }
  readonly state: { readonly tokenResponse?: { readonly scope?: string } }
}

/** The app: one address that starts, one to which the server sends back. Its session is in memory. */
async function startApp(clientId: () => string, fhirUrl: string, scope: string) {
  const session = new Map<string, unknown>()
  const storage = {
    get: (key: string) => Promise.resolve(session.get(key)),
    set: (key: string, value: unknown) => {
      session.set(key, value)
      return Promise.resolve(value)
    },
    unset: (key: string) => Promise.resolve(session.delete(key)),
  }
  let launched: Launched | undefined
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const on = smart(request, response, storage)
    const finish = async () => {
      launched = await on.ready()
      response.end('ready')
    }
    const work = request.url?.startsWith('/launch')
      ? on.authorize({ clientId: clientId(), scope, iss: fhirUrl, redirectUri: '/back', pkceMode: 'required' })
      : finish()
    work.catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close(), launched: () => launched }
}

test('fhirclient signs a doctor in: PKCE, the patient in context, who the doctor is', async (t) => {
  const [bob, alice] = [await world.patient('Bob'), await world.doctor('Alice')]
  await world.permit(bob, [alice])
  const { hospitalUrl } = world.surroundings('a')
  let clientId = ''
  const app = await startApp(() => clientId, `${hospitalUrl}/fhir`, 'openid fhirUser launch/patient patient/*.rs')
  t.after(() => app.close())
  const registered = await api.registerApp(world.hospital('a').requestSigner, {
    kind: 'public',
    name: 'Chart',
    scopes: ['patient/*.rs'],
    redirectUris: [`${app.url}/back`],
  })
  clientId = registered.clientId
  const cookies = new Map<string, string>()
  let next = `${app.url}/launch`
  for (let step = 0; step < 12 && app.launched() === undefined; step++) {
    const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; '), host: new URL(next).host }
    const response = await fetch(next, { redirect: 'manual', headers })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s)
      cookies.set(name, value)
    }
    const text = await response.text()
    const location = response.headers.get('location')
    if (location !== null) next = new URL(location, next).href
    else if (app.launched() === undefined) {
      const code = /<code>([^<]+)<\/code>/.exec(text)?.[1]?.replaceAll(' ', '')
      assert.ok(code, `${response.status} ${text}`)
      await api.decideApp(alice.requestSigner, code, 'approve', { patient: bob.ref })
    }
  }
  const client = app.launched()
  assert.equal(client?.patient.id, bob.ref)
  assert.equal(client?.user.fhirUser, `Practitioner/${alice.ref}`)
  assert.ok(client?.state.tokenResponse?.scope?.includes('patient/*.rs'))
})
