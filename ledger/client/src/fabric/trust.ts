/**
 * Whom a reader believes on Fabric, as configurations in JSON have it: `{chaincode, organizations: [{mspId, roots}]}`,
 * roots as DER in base64url.
 *
 * @module
 */
import { decodeBase64url, encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { list, mspIdShape, refine, type Shape, struct, text } from '../../../../shared/protocol/src/index.ts'
import { fabricChannelShape, type FabricTrust, MAX_ORGANIZATIONS } from '../../../../shared/ledger-model/src/index.ts'

const MAX_ROOTS = 8
const MAX_ROOT_CHARACTERS = 10_923

const rootText = refine(
  text({ min: 2, max: MAX_ROOT_CHARACTERS, pattern: /^[A-Za-z0-9_-]+$/ }),
  isBase64url,
  'is not base64url',
)
const trustShape = struct({
  chaincode: (value: unknown, where: string) => fabricChannelShape({ chaincode: value }, where).chaincode,
  organizations: list(struct({ mspId: mspIdShape, roots: list(rootText, { min: 1, max: MAX_ROOTS }) }), {
    min: 1,
    max: MAX_ORGANIZATIONS,
  }),
})

export const fabricTrustShape: Shape<FabricTrust> = (value, where) => {
  const { chaincode, organizations } = trustShape(value, where)
  return {
    chaincode,
    organizations: organizations.map(({ mspId, roots }) => ({ mspId, roots: roots.map(decodeBase64url) })),
  }
}

/** For `JSON.stringify`. */
export function formatFabricTrust({ chaincode, organizations }: FabricTrust): object {
  return {
    chaincode,
    organizations: organizations.map(({ mspId, roots }) => ({ mspId, roots: roots.map(encodeBase64url) })),
  }
}

function isBase64url(value: string): boolean {
  try {
    decodeBase64url(value)
    return true
  } catch {
    return false
  }
}
