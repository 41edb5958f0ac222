/**
 * An organisation's own keys in a folder that only it can read: its certificate authority and its administrator.
 * Made once; the administrator's certificate is renewed here when it is about to end.
 * Spec: docs/protocol/02-registration.md §2.1.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  decodeBase64url,
  encodeBase64url,
  parseCertificate,
  type Crypto,
  type SigningKey,
} from '../../shared/crypto/src/index.ts'
import {
  literal,
  mspIdShape,
  parseJson,
  ProtocolError,
  struct,
  text,
  type MspId,
} from '../../shared/protocol/src/index.ts'
import {
  createCertificateAuthority,
  openCertificateAuthority,
  type CertificateAuthority,
} from './certificate-authority.ts'
import { writePrivateFile } from './private-file.ts'

const RENEW_BEFORE_MS = 30 * 86_400_000

/** Signs configurations of the ledger and registrations. Fits the ledger client's identity. */
export interface Administrator {
  readonly mspId: MspId
  /** DER. */
  readonly cert: Uint8Array
  readonly signingKey: SigningKey
}

export interface Organization {
  readonly mspId: MspId
  readonly authority: CertificateAuthority
  readonly admin: Administrator
}

export interface OrganizationOptions {
  readonly crypto: Crypto
  readonly mspId: MspId
  readonly nowMs: () => number
}

const keyText = text({ max: 43 })
const certificateText = text({ max: 11_000 })
const fileShape = struct({
  v: literal(1),
  mspId: mspIdShape,
  root: certificateText,
  rootKey: keyText,
  adminKey: keyText,
  adminCertificate: certificateText,
})

/**
 * Opens the organisation in `folder`, or makes it.
 * @throws {ProtocolError} `STORE_DAMAGED` if what is there is not whole, or is of another organisation.
 */
export async function openOrganization(folder: string, options: OrganizationOptions): Promise<Organization> {
  const path = join(folder, 'organization.json')
  if (!existsSync(path)) return await createOrganization(path, options)
  const organization = readOrganization(path, options)
  const { notAfterMs } = parseCertificate(organization.admin.cert)
  if (notAfterMs - options.nowMs() > RENEW_BEFORE_MS) return organization
  const { authority, admin } = organization
  const renewed = { authority, mspId: options.mspId, admin: await certified(authority, admin) }
  writeOrganization(path, options.crypto, renewed)
  return renewed
}

async function createOrganization(path: string, options: OrganizationOptions): Promise<Organization> {
  const { crypto, mspId } = options
  const authority = await createCertificateAuthority(options)
  const admin = await certified(authority, { mspId, signingKey: crypto.generateSigningKey() })
  const organization = { mspId, authority, admin }
  writeOrganization(path, crypto, organization)
  return organization
}

async function certified(
  authority: CertificateAuthority,
  { mspId, signingKey }: Pick<Administrator, 'mspId' | 'signingKey'>,
): Promise<Administrator> {
  const { chain } = await authority.issue({ role: 'admin', publicKey: signingKey.publicKey })
  return { mspId, cert: chain[0], signingKey }
}

function readOrganization(path: string, { crypto, mspId, nowMs }: OrganizationOptions): Organization {
  try {
    const file = fileShape(parseJson(readFileSync(path, 'utf8'), { maxBytes: 65_536 }), 'organization')
    if (file.mspId !== mspId) throw new ProtocolError('STORE_DAMAGED', 'the folder is of another organisation')
    const signingKey = crypto.importSigningKey(decodeBase64url(file.rootKey))
    const root = decodeBase64url(file.root)
    return {
      mspId,
      authority: openCertificateAuthority({ crypto, mspId, nowMs, signingKey, root }),
      admin: {
        mspId,
        cert: decodeBase64url(file.adminCertificate),
        signingKey: crypto.importSigningKey(decodeBase64url(file.adminKey)),
      },
    }
  } catch (cause) {
    throw new ProtocolError('STORE_DAMAGED', 'the keys of the organisation cannot be read', { cause })
  }
}

function writeOrganization(path: string, crypto: Crypto, { mspId, authority, admin }: Organization): void {
  const file = {
    v: 1,
    mspId,
    root: encodeBase64url(authority.root),
    rootKey: encodeBase64url(crypto.exportSigningKey(authority.signingKey)),
    adminKey: encodeBase64url(crypto.exportSigningKey(admin.signingKey)),
    adminCertificate: encodeBase64url(admin.cert),
  }
  writePrivateFile(path, `${JSON.stringify(file, null, 2)}\n`)
}
