import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { webcrypto } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
// oxlint-disable-next-line import/no-unassigned-import -- the referee needs this polyfill before it is loaded
import 'reflect-metadata'
import * as referee from '@peculiar/x509'
import {
  attributesExtension,
  basicConstraintsExtension,
  buildTestCertificate,
  der,
  derAttribute,
  derExtension,
  derName,
  keyUsageExtension,
  type TestCertificateOptions,
} from '../../../testkit/src/certificates.ts'
import { concat, decodeHex, encodeHex, encodeUtf8 } from './bytes.ts'
import { createNodeCrypto } from './node-crypto.ts'
import { decodePem } from './pem.ts'
import { checkCertificateChain } from './x509-chain.ts'
import { parseCertificate } from './x509.ts'

const crypto = createNodeCrypto()
const caKey = crypto.generateSigningKey()
const leafKey = crypto.generateSigningKey()
const NOW_MS = Date.UTC(2030, 5, 1)

function build(options: Partial<TestCertificateOptions> = {}): Uint8Array {
  return buildTestCertificate(crypto, {
    issuerKey: caKey,
    issuer: 'CA',
    subject: 'dr-bob',
    publicKey: leafKey.publicKey,
    ...options,
  })
}

test('reads what another library wrote: names, validity, key, usage, attributes, chain', async () => {
  referee.cryptoProvider.set(globalThis.crypto)
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const makeKeys = (): Promise<webcrypto.CryptoKeyPair> =>
    webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const [rootKeys, caKeys, doctorKeys] = [await makeKeys(), await makeKeys(), await makeKeys()]
  const caUsages = referee.KeyUsageFlags.keyCertSign | referee.KeyUsageFlags.cRLSign
  const period = { notBefore: new Date(Date.UTC(2025, 0, 1)), notAfter: new Date(Date.UTC(2055, 0, 1)) }
  const root = await referee.X509CertificateGenerator.createSelfSigned({
    serialNumber: '0a',
    name: 'C=US, O=Hospital A, CN=Hospital A root',
    ...period,
    keys: rootKeys,
    signingAlgorithm: algorithm,
    extensions: [
      new referee.BasicConstraintsExtension(true, 1, true),
      new referee.KeyUsagesExtension(caUsages, true),
      await referee.SubjectKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  })
  const intermediate = await referee.X509CertificateGenerator.create({
    serialNumber: '0b',
    subject: 'O=Hospital A, CN=Hospital A staff',
    issuer: root.subject,
    ...period,
    publicKey: caKeys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new referee.BasicConstraintsExtension(true, 0, true),
      new referee.KeyUsagesExtension(caUsages, true),
      await referee.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  })
  const attributes = { 'hf.Affiliation': 'cardiology', role: 'doctor' }
  const leaf = await referee.X509CertificateGenerator.create({
    serialNumber: '00f00dfeed',
    subject: 'O=Hospital A, OU=client, OU=cardiology, CN=Dr. Bøb',
    issuer: intermediate.subject,
    ...period,
    publicKey: doctorKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new referee.BasicConstraintsExtension(false, undefined, true),
      new referee.KeyUsagesExtension(referee.KeyUsageFlags.digitalSignature, true),
      new referee.SubjectAlternativeNameExtension([{ type: 'dns', value: 'bob.hospital-a.example' }]),
      new referee.Extension(
        '1.2.3.4.5.6.7.8.1',
        false,
        encodeUtf8(JSON.stringify({ attrs: attributes })).slice().buffer,
      ),
    ],
  })
  const [rootDer, caDer, leafDer] = [root, intermediate, leaf].map(({ rawData }) => new Uint8Array(rawData)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]

  const parsed = checkCertificateChain(crypto, [leafDer, caDer], [rootDer], NOW_MS)
  assert.deepEqual(parsed.subject, {
    commonName: 'Dr. Bøb',
    organization: 'Hospital A',
    organizationalUnits: ['client', 'cardiology'],
  })
  assert.equal(parsed.serialHex, 'f00dfeed')
  assert.equal(parsed.notBeforeMs, period.notBefore.getTime())
  assert.equal(parsed.notAfterMs, period.notAfter.getTime())
  assert.deepEqual(parsed.publicKey, new Uint8Array(await webcrypto.subtle.exportKey('raw', doctorKeys.publicKey)))
  assert.deepEqual({ ...parsed.attributes }, attributes)
  assert.equal(parsed.isCa, false)
  assert.equal(parsed.keyUsage?.digitalSignature, true)
  assert.equal(parsed.keyUsage?.keyCertSign, false)
  assert.deepEqual(parsed.issuerDer, parseCertificate(caDer).subjectDer)

  const parsedRoot = parseCertificate(rootDer)
  assert.equal(parsedRoot.isCa, true)
  assert.equal(parsedRoot.pathLength, 1)
  assert.equal(parsedRoot.keyUsage?.keyCertSign, true)
  assert.equal(parsedRoot.keyUsage?.crlSign, true)
})

const openssl = ((): string | undefined => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' })
  } catch {
    return undefined
  }
})()

test('reads and verifies a chain that openssl made', { skip: openssl === undefined }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'x509-'))
  try {
    const run = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
    const read = (name: string): Uint8Array =>
      decodePem('CERTIFICATE', readFileSync(join(folder, name), 'utf8'))[0] as Uint8Array
    for (const name of ['root', 'leaf'])
      run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`)
    run('req', '-x509', '-new', '-sha256', '-key', 'root.key', '-subj', '/O=Hospital B/CN=root', '-days', '3650', '-out',
      'root.pem', '-addext', 'keyUsage=critical,keyCertSign,cRLSign') // prettier-ignore
    run(
      'req',
      '-new',
      '-sha256',
      '-key',
      'leaf.key',
      '-subj',
      '/O=Hospital B/OU=client/CN=dr-alice',
      '-out',
      'leaf.csr',
    )
    const usage =
      'keyUsage=critical,digitalSignature,nonRepudiation\nextendedKeyUsage=clientAuth\nsubjectKeyIdentifier=hash\n'
    writeFileSync(join(folder, 'leaf.ext'), usage)
    run('x509', '-req', '-sha256', '-in', 'leaf.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-set_serial', '0x80ab',
      '-days', '365', '-extfile', 'leaf.ext', '-out', 'leaf.pem') // prettier-ignore
    const leaf = checkCertificateChain(crypto, [read('leaf.pem')], [read('root.pem')], Date.now() + 60_000)
    assert.equal(leaf.serialHex, '80ab')
    assert.deepEqual(leaf.subject, {
      commonName: 'dr-alice',
      organization: 'Hospital B',
      organizationalUnits: ['client'],
    })
    assert.equal(leaf.keyUsage?.contentCommitment, true)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('several organizational units in one RDN, as Fabric CA writes them, are all read', () => {
  const units = [
    derAttribute('55040b', der(0x13, encodeUtf8('org1'))),
    derAttribute('55040b', der(0x13, encodeUtf8('client'))),
  ]
  const subject = der(0x30, der(0x31, ...units), der(0x31, derAttribute('550403', der(0x0c, encodeUtf8('bob')))))
  assert.deepEqual(parseCertificate(build({ raw: { subject } })).subject.organizationalUnits, ['org1', 'client'])
})

test('the certificate keeps copies: the input may change afterwards', () => {
  const input = build()
  const before = input.slice()
  const certificate = parseCertificate(input)
  input.fill(0)
  assert.deepEqual(certificate.der, before)
  assert.deepEqual(parseCertificate(before), certificate)
})

test('attributes have no inherited names, and __proto__ is a name like any other', () => {
  const none = parseCertificate(build()).attributes
  assert.equal(none['constructor'], undefined)
  const odd = parseCertificate(build({ extensions: [attributesExtension('{"attrs":{"__proto__":"x"}}')] })).attributes
  assert.deepEqual(Object.entries(odd), [['__proto__', 'x']])
})

test('a path length and all key usages are read', () => {
  const certificate = parseCertificate(
    build({
      ca: { pathLength: 2 },
      extensions: [basicConstraintsExtension({ pathLength: 2 }), keyUsageExtension(0xfe)],
    }),
  )
  assert.equal(certificate.pathLength, 2)
  assert.ok(Object.values(certificate.keyUsage ?? {}).every((bit) => bit))
  // decipherOnly is the ninth bit and makes a second byte.
  const nine = derExtension('551d0f', true, decodeHex('0303070880'))
  assert.equal(parseCertificate(build({ extensions: [nine] })).keyUsage?.keyAgreement, true)
})

const text = (tag: number, value: string): Uint8Array => der(tag, encodeUtf8(value))
const subjectOf = (...attributes: Uint8Array[]): Uint8Array => der(0x30, ...attributes.map((a) => der(0x31, a)))
const keyUsageOf = (hex: string): Uint8Array => derExtension('551d0f', true, decodeHex(hex))
const constraintsOf = (hex: string): Uint8Array => derExtension('551d13', true, decodeHex(hex))
const p256 = '06072a8648ce3d020106082a8648ce3d030107'

const refused: readonly (readonly [string, 'MALFORMED' | 'UNSUPPORTED', Partial<TestCertificateOptions>])[] = [
  ['version 1', 'UNSUPPORTED', { raw: { version: new Uint8Array(0) } }],
  ['version 2', 'UNSUPPORTED', { raw: { version: decodeHex('a003020101') } }],
  ['version 4', 'UNSUPPORTED', { raw: { version: decodeHex('a003020103') } }],
  ['serial number 0', 'MALFORMED', { raw: { serial: decodeHex('020100') } }],
  ['a negative serial number', 'MALFORMED', { raw: { serial: decodeHex('0201ff') } }],
  ['a serial number with a needless zero', 'MALFORMED', { raw: { serial: decodeHex('02020001') } }],
  ['an empty serial number', 'MALFORMED', { raw: { serial: decodeHex('0200') } }],
  ['a serial number of 21 bytes', 'MALFORMED', { serial: new Uint8Array(21).fill(1) }],
  ['ecdsa-with-SHA384', 'UNSUPPORTED', { raw: { algorithm: decodeHex('300a06082a8648ce3d040303') } }],
  ['sha256WithRSAEncryption', 'UNSUPPORTED', { raw: { algorithm: decodeHex('300d06092a864886f70d01010b0500') } }],
  ['algorithm parameters', 'UNSUPPORTED', { raw: { algorithm: decodeHex('300c06082a8648ce3d0403020500') } }],
  ['two different algorithms', 'MALFORMED', { raw: { outerAlgorithm: decodeHex('300a06082a8648ce3d040303') } }],
  ['an empty issuer', 'MALFORMED', { raw: { issuer: decodeHex('3000') } }],
  ['an empty subject', 'MALFORMED', { raw: { subject: decodeHex('3000') } }],
  ['an empty RDN', 'MALFORMED', { raw: { subject: decodeHex('30023100') } }],
  ['two common names', 'MALFORMED', { raw: { subject: subjectOf(...['a', 'b'].map((t) => derAttribute('550403', text(0x0c, t)))) } }],
  ['two organizations', 'MALFORMED', { raw: { subject: subjectOf(...['a', 'b'].map((t) => derAttribute('55040a', text(0x0c, t)))) } }],
  ['an unsorted RDN', 'MALFORMED', { raw: { subject: der(0x30, der(0x31, ...['b', 'a'].map((t) => derAttribute('55040b', text(0x0c, t))))) } }],
  ['a BMPString name', 'MALFORMED', { raw: { subject: subjectOf(derAttribute('550403', decodeHex('1e020041'))) } }],
  ['a name with a NUL', 'MALFORMED', { raw: { subject: subjectOf(derAttribute('550403', text(0x0c, 'bob\0.evil'))) } }],
  ['a name that is no UTF-8', 'MALFORMED', { raw: { subject: subjectOf(derAttribute('550403', decodeHex('0c01ff'))) } }],
  ['an empty name', 'MALFORMED', { raw: { subject: subjectOf(derAttribute('550403', decodeHex('0c00'))) } }],
  ['a PrintableString that is not', 'MALFORMED', { raw: { subject: subjectOf(derAttribute('550403', text(0x13, 'a@b'))) } }],
  ['an OID with padding', 'MALFORMED', { raw: { subject: subjectOf(derAttribute('55800403', text(0x0c, 'a'))) } }],
  ['an unfinished OID', 'MALFORMED', { raw: { subject: subjectOf(derAttribute('550483', text(0x0c, 'a'))) } }],
  ['an attribute with three parts', 'MALFORMED', { raw: { subject: subjectOf(der(0x30, decodeHex('0603550403'), text(0x0c, 'a'), text(0x0c, 'b'))) } }],
  ['one validity time', 'MALFORMED', { raw: { validity: der(0x30, text(0x17, '250101000000Z')) } }],
  ['three validity times', 'MALFORMED', { raw: { validity: der(0x30, ...['25', '26', '27'].map((y) => text(0x17, `${y}0101000000Z`))) } }],
  ['a P-384 key', 'UNSUPPORTED', { raw: { spki: der(0x30, der(0x30, decodeHex('06072a8648ce3d020106052b81040022')), der(0x03, new Uint8Array(98).with(1, 4))) } }],
  ['a compressed point', 'UNSUPPORTED', { raw: { spki: der(0x30, der(0x30, decodeHex(p256)), der(0x03, Uint8Array.of(0, 2), leafKey.publicKey.slice(1, 33))) } }],
  ['a hybrid point', 'UNSUPPORTED', { raw: { spki: der(0x30, der(0x30, decodeHex(p256)), der(0x03, Uint8Array.of(0, 6), leafKey.publicKey.slice(1))) } }],
  ['unique identifiers', 'MALFORMED', { raw: { spki: concat(decodeHex('3059301306072a8648ce3d020106082a8648ce3d030107034200'), leafKey.publicKey, decodeHex('810100')) } }],
  ['the same extension twice', 'MALFORMED', { extensions: [keyUsageExtension(0x80), keyUsageExtension(0x80)] }],
  ['an empty list of extensions', 'MALFORMED', { extensions: [new Uint8Array(0)] }],
  ['an unknown critical extension', 'UNSUPPORTED', { extensions: [derExtension('2a0304', true, decodeHex('0500'))] }],
  ['a critical extended key usage', 'UNSUPPORTED', { extensions: [derExtension('551d25', true, decodeHex('300a06082b06010505070302'))] }],
  ['name constraints, even if not critical', 'UNSUPPORTED', { extensions: [derExtension('551d1e', false, decodeHex('3000'))] }],
  ['critical FALSE written out', 'MALFORMED', { extensions: [der(0x30, decodeHex('0603551d0f010100'), der(0x04, decodeHex('03020780')))] }],
  ['critical TRUE as 01', 'MALFORMED', { extensions: [der(0x30, decodeHex('0603551d0f010101'), der(0x04, decodeHex('03020780')))] }],
  ['an extension with a fourth part', 'MALFORMED', { extensions: [der(0x30, decodeHex('0603551d0f'), der(0x04, decodeHex('03020780')), decodeHex('0500'))] }],
  ['cA FALSE written out', 'MALFORMED', { extensions: [constraintsOf('3003010100')] }],
  ['a path length without a CA', 'MALFORMED', { extensions: [constraintsOf('3003020100')] }],
  ['a negative path length', 'MALFORMED', { extensions: [constraintsOf('30060101ff0201ff')] }],
  ['a path length of 256', 'MALFORMED', { extensions: [constraintsOf('30070101ff02020100')] }],
  ['more after the path length', 'MALFORMED', { extensions: [constraintsOf('30080101ff0201000500')] }],
  ['more after the constraints', 'MALFORMED', { extensions: [constraintsOf('30000500')] }],
  ['no bit of key usage', 'MALFORMED', { extensions: [keyUsageOf('030100')] }],
  ['key usage with a trailing zero bit', 'MALFORMED', { extensions: [keyUsageOf('03020680')] }],
  ['key usage with a set unused bit', 'MALFORMED', { extensions: [keyUsageOf('03020781')] }],
  ['key usage of three bytes', 'MALFORMED', { extensions: [keyUsageOf('030407808080')] }],
  ['key usage with a tenth bit', 'MALFORMED', { extensions: [keyUsageOf('0303068040')] }],
  ['key usage with 8 unused bits', 'MALFORMED', { extensions: [keyUsageOf('03020880')] }],
  ['an empty key usage', 'MALFORMED', { extensions: [keyUsageOf('0300')] }],
  ['attributes that are no JSON', 'MALFORMED', { extensions: [attributesExtension('{"attrs":')] }],
  ['attributes in a list', 'MALFORMED', { extensions: [attributesExtension('{"attrs":["role"]}')] }],
  ['attributes that are null', 'MALFORMED', { extensions: [attributesExtension('{"attrs":null}')] }],
  ['attributes without attrs', 'MALFORMED', { extensions: [attributesExtension('{"role":"doctor"}')] }],
  ['something beside attrs', 'MALFORMED', { extensions: [attributesExtension('{"attrs":{},"more":1}')] }],
  ['an attribute that is no text', 'MALFORMED', { extensions: [attributesExtension('{"attrs":{"admin":true}}')] }],
  ['JSON that is no object', 'MALFORMED', { extensions: [attributesExtension('"attrs"')] }],
  ['attributes that are no UTF-8', 'MALFORMED', { extensions: [derExtension('2a03040506070801', false, decodeHex('22ff22'))] }],
  ['a signature that is no DER', 'MALFORMED', { signature: () => new Uint8Array(64) }],
  ['an empty signature', 'MALFORMED', { signature: () => new Uint8Array(0) }],
] // prettier-ignore
for (const [what, reason, options] of refused) {
  test(`a certificate with ${what} is ${reason}`, () => {
    assert.throws(() => parseCertificate(build(options)), { code: 'CRYPTO_BAD_CERTIFICATE', reason })
  })
}

test('bytes after the certificate, a larger one than 8 KiB and BER lengths are malformed', () => {
  const good = build()
  const content = good.subarray(4)
  const wrong = {
    'a byte after it': concat(good, Uint8Array.of(0)),
    'a byte less': good.slice(0, -1),
    nothing: new Uint8Array(0),
    'a tag alone': Uint8Array.of(0x30),
    'the indefinite form': concat(decodeHex('3080'), content, decodeHex('0000')),
    'a length of three bytes': concat(Uint8Array.of(0x30, 0x83, 0, content.length >> 8, content.length & 255), content),
    'a long form for a short length': concat(decodeHex('3081'), Uint8Array.of(5), new Uint8Array(5)),
    'two bytes for a short length': concat(decodeHex('308200'), Uint8Array.of(200), new Uint8Array(200)),
    'a high tag number': concat(decodeHex('3f'), good.subarray(1)),
    'another tag': concat(decodeHex('31'), good.subarray(1)),
    'more than 8 KiB': build({ extensions: [derExtension('2a0304', false, new Uint8Array(8_192))] }),
  }
  for (const [what, bytes] of Object.entries(wrong)) {
    assert.throws(() => parseCertificate(bytes), { code: 'CRYPTO_BAD_CERTIFICATE', reason: 'MALFORMED' }, what)
  }
  assert.equal(encodeHex(parseCertificate(good).subjectDer), encodeHex(derName('dr-bob')))
})
