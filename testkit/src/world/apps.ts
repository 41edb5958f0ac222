/**
 * Backend services of a hospital of the test world.
 *
 * @module
 */
import * as jose from 'jose'
import * as oidc from 'openid-client'
import { hospitalApi } from './people.ts'
import type { TestWorld } from './index.ts'

/** A token that a service of hospital A got by its key (SMART Backend Services), for these scopes. */
export async function backendToken(world: TestWorld, ...scopes: readonly string[]): Promise<string> {
  const surroundings = world.surroundings('a')
  const { publicKey, privateKey } = await jose.generateKeyPair('ES384')
  const jwks = { keys: [{ ...(await jose.exportJWK(publicKey)), kid: 'k', alg: 'ES384' }] }
  const service = { kind: 'backend', name: 'Service', scopes, jwks } as const
  const { clientId } = await hospitalApi(surroundings).registerApp(world.hospital('a').requestSigner, service)
  const authentication = oidc.PrivateKeyJwt({ key: privateKey, kid: 'k' })
  const config = await oidc.discovery(new URL(`${surroundings.hospitalUrl}/oauth`), clientId, {}, authentication, {
    execute: [oidc.allowInsecureRequests],
  })
  return (await oidc.clientCredentialsGrant(config, { scope: scopes.join(' ') })).access_token
}
