/**
 * The certificate authority of an organisation: one root, and the certificates of its administrators, services, doctors,
 * auditors and TEE servers, with the role and reference in Fabric CA's attribute extension, and of its Fabric nodes.
 * Spec: docs/protocol/02-registration.md §2.1.
 *
 * The root's private key is in this process while it issues. A hospital that has a CA already uses that one instead; what
 * counts is the form of the certificates.
 *
 * @module
 */
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it loaded before itself
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import {
  concat,
  type Crypto,
  decodeHex,
  encodeHex,
  encodeUtf8,
  parseCertificate,
  type SigningKey,
} from '../../shared/crypto/src/index.ts'
import type { CertificateIssuer } from './ports.ts'

const MS_PER_DAY = 86_400_000
const ROOT_DAYS = 3_653
const LEAF_DAYS = 366
/** Certificates start a little earlier: clocks of members differ. */
const BACKDATED_MS = 300_000
const SERIAL_BYTES = 16
const FABRIC_ATTRIBUTES = '1.2.3.4.5.6.7.8.1'
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

// What stands before, between and after the raw keys in PKCS #8 and SubjectPublicKeyInfo (RFC 5480 §2, RFC 5915 §3).
const PKCS8_BEFORE_SCALAR = decodeHex('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420')
const PKCS8_BEFORE_POINT = decodeHex('a144034200')
const SPKI_BEFORE_POINT = decodeHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')

/**
 * Fabric's word for each role, as organisational unit: its policies tell clients, administrators, peers and orderers
 * apart by it (NodeOUs), and a certificate with none or two of these words is refused.
 */
const FABRIC_UNITS = {
  doctor: 'client',
  hospital: 'client',
  auditor: 'client',
  server: 'client',
  admin: 'admin',
  peer: 'peer',
  orderer: 'orderer',
} as const

export interface CertificateSubjectInput {
  /** `peer` and `orderer` are nodes of a Fabric network: they have no role on the ledger. */
  readonly role: keyof typeof FABRIC_UNITS
  /** Participant reference, or the name of a node; administrators have none. */
  readonly ref?: string
  /** 65 bytes. */
  readonly publicKey: Uint8Array
  readonly emergency?: boolean
  /** First and last moment; default: now and a year on. */
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
}

export interface IssuedCertificate {
  /** DER, leaf first, without root. */
  readonly chain: readonly [Uint8Array]
  /** As `Certificate.serialHex`: what the ledger lists when it is revoked. */
  readonly serialHex: string
}

export interface CertificateAuthority extends CertificateIssuer {
  readonly mspId: string
  /** DER of the root certificate. */
  readonly root: Uint8Array
  /** The root's key, for keeping it. */
  readonly signingKey: SigningKey
  issue(subject: CertificateSubjectInput): Promise<IssuedCertificate>
}

export interface CertificateAuthorityOptions {
  readonly crypto: Crypto
  readonly mspId: string
  readonly nowMs: () => number
}

/** Makes a new root key and its certificate, good for ten years. */
export async function createCertificateAuthority(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
  const { crypto, mspId, nowMs } = options
  const signingKey = crypto.generateSigningKey()
  const from = nowMs() - BACKDATED_MS
  const name = `CN=${mspId} root, O=${mspId}`
  const keys = await webKeys(crypto, signingKey)
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(crypto),
    subject: name,
    issuer: name,
    notBefore: new Date(from),
    notAfter: new Date(from + ROOT_DAYS * MS_PER_DAY),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      // Fabric takes no root without it.
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return openCertificateAuthority({ ...options, signingKey, root: new Uint8Array(certificate.rawData) })
}

/** Opens one that was made before. */
export function openCertificateAuthority(
  options: CertificateAuthorityOptions & { readonly signingKey: SigningKey; readonly root: Uint8Array },
): CertificateAuthority {
  const { crypto, mspId, nowMs, signingKey, root } = options
  // Byte for byte, also where another program made the root: verifiers compare it so.
  const { subjectName: issuer, notBefore: rootFrom } = new X509Certificate(copyOf(root))
  const signer = webKeys(crypto, signingKey)
  return {
    mspId,
    root,
    signingKey,
    async issue(subject) {
      const { role, ref, publicKey, emergency = false } = subject
      // Not before its root, which another program may date later than this one would: Fabric's peers refuse that.
      const notBeforeMs = subject.notBeforeMs ?? Math.max(nowMs() - BACKDATED_MS, rootFrom.getTime())
      const notAfterMs = subject.notAfterMs ?? notBeforeMs + LEAF_DAYS * MS_PER_DAY
      const certificate = await X509CertificateGenerator.create({
        serialNumber: newSerial(crypto),
        // References only: certificates stand on the ledger, so they name nobody.
        subject: `CN=${ref ?? role}, O=${mspId}${unitsOf(role)
          .map((unit) => `, OU=${unit}`)
          .join('')}`,
        issuer,
        notBefore: new Date(notBeforeMs),
        notAfter: new Date(notAfterMs),
        publicKey: new PublicKey(copyOf(concat(SPKI_BEFORE_POINT, publicKey))),
        signingKey: (await signer).privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          ...(role === 'peer' || role === 'orderer'
            ? []
            : [new Extension(FABRIC_ATTRIBUTES, false, copyOf(attributesOf(role, ref, emergency)))]),
        ],
      })
      const der = new Uint8Array(certificate.rawData)
      return { chain: [der], serialHex: parseCertificate(der).serialHex }
    },
  }
}

/** Fabric's word first, then ours where it differs. */
function unitsOf(role: CertificateSubjectInput['role']): readonly string[] {
  // A name that nobody knows counts as no role: its holder is a client like others.
  const unit = Object.hasOwn(FABRIC_UNITS, role) ? FABRIC_UNITS[role] : 'client'
  return role === unit ? [unit] : [unit, role]
}

/** The extension's value is the JSON itself, as Fabric CA writes it. */
function attributesOf(role: string, ref: string | undefined, emergency: boolean): Uint8Array {
  const attrs = {
    'trusthealth.role': role,
    ...(ref === undefined ? {} : { 'trusthealth.ref': ref }),
    ...(emergency ? { 'trusthealth.emergency': 'true' } : {}),
  }
  return encodeUtf8(JSON.stringify({ attrs }))
}

/** RFC 5280 §4.1.2.2: positive, unique; the top bit stays clear, and the first byte is never zero. */
function newSerial(crypto: Crypto): string {
  const bytes = crypto.randomBytes(SERIAL_BYTES)
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40
  return encodeHex(bytes)
}

async function webKeys(crypto: Crypto, key: SigningKey): Promise<webcrypto.CryptoKeyPair> {
  const scalar = crypto.exportSigningKey(key)
  const pkcs8 = concat(PKCS8_BEFORE_SCALAR, scalar, PKCS8_BEFORE_POINT, key.publicKey)
  const { subtle } = webcrypto
  const privateKey = await subtle.importKey('pkcs8', copyOf(pkcs8), ALGORITHM, false, ['sign'])
  const publicKey = await subtle.importKey('raw', copyOf(key.publicKey), ALGORITHM, true, ['verify'])
  scalar.fill(0)
  pkcs8.fill(0)
  return { privateKey, publicKey }
}

/** Web APIs want memory that is not shared. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}
