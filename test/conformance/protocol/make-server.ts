/**
 * Vectors of what the server and the hospital sign: receipts, credentials, evidence.
 *
 * @module
 */
import type { JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { concat, decodeHex, encodeBase64url, encodeHex } from '../../../shared/crypto/src/index.ts'
import {
  commitmentToJson,
  issueCredential,
  issueEvidence,
  issueOpteeEvidence,
  issueReceipt,
  newId,
  reportKeyThumbprint,
  sha256Hex,
  signStatement,
  type EvidenceClaims,
  type OpteeReference,
  type TxId,
} from '../../../shared/protocol/src/index.ts'
import { buildTestCertificate } from '../../../testkit/src/certificates.ts'
import { makeOpteePlatform, makeTestDevice, reportsOf } from '../../../testkit/src/optee-platform.ts'
import { commitmentsOf } from './make-records.ts'
import { headerOf, refusedForms, signRaw } from './make-statements.ts'
import { deterministicCrypto, NOW_SECONDS, parties, party } from './vector-parties.ts'
import type { CredentialVectors, EvidenceVectors, ReceiptVectors } from './vector-types.ts'

export function makeReceipts(): ReceiptVectors {
  const crypto = deterministicCrypto('receipt.json')
  const server = party(crypto, 'server')
  const { inputs } = commitmentsOf(crypto)
  const receipts = inputs.map(({ commitment }, i) => {
    const receipt = {
      iss: server.ref,
      ...commitmentToJson(commitment),
      batchId: newId(crypto, 'b'),
      index: i,
      txId: sha256Hex(crypto.randomBytes(32)) as string as TxId,
      block: 7 + i,
      logIndex: 40 + i,
      logSize: 41 + i,
      logRoot: sha256Hex(crypto.randomBytes(32)),
      iat: NOW_SECONDS,
    }
    return { name: `version ${commitment.version}`, payload: receipt, jws: issueReceipt(crypto, server.key, receipt) }
  })
  const typ = 'trusthealth-receipt+jwt'
  const first = receipts[0]!
  return {
    about: 'Receipts of the server of parties.json: docs/protocol/04-records.md §4.5',
    typ,
    valid: receipts,
    refused: [
      ...refusedForms(crypto, server.key, typ, first.payload, first.jws),
      { name: 'signed by somebody else', jws: issueReceipt(crypto, party(crypto, 'doctor').key, first.payload) },
      {
        name: 'past the end of the log',
        jws: signStatement(crypto, server.key, typ, { ...first.payload, logIndex: first.payload.logSize }),
      },
    ],
  }
}

export function makeCredentials(): CredentialVectors {
  const crypto = deterministicCrypto('credential.json')
  const hospital = party(crypto, 'hospital')
  const patient = party(crypto, 'patient')
  const issuerKey = crypto.importSigningKey(decodeHex(parties.authorityKey))
  const certificate = buildTestCertificate(crypto, { issuerKey, publicKey: hospital.key.publicKey })
  const payload = {
    iss: hospital.ref,
    sub: patient.ref,
    publicKey: encodeBase64url(patient.key.publicKey),
    sealKey: encodeBase64url(patient.sealKey.publicKey),
    iat: NOW_SECONDS,
    exp: NOW_SECONDS + 86_400,
  }
  const typ = 'trusthealth-credential+jwt'
  const jws = issueCredential(crypto, hospital.key, [certificate], payload)
  const { key: other } = party(crypto, 'doctor')
  return {
    about: 'A credential of the patient by the hospital of parties.json: docs/protocol/02-registration.md §2.2',
    typ,
    nowMs: NOW_SECONDS * 1_000,
    chain: [encodeHex(certificate)],
    valid: [{ name: 'of the patient', payload, jws }],
    refused: [
      { name: 'no chain', jws: signRaw(crypto, hospital.key, headerOf(hospital.kid, typ), JSON.stringify(payload)) },
      { name: 'ended', jws: issueCredential(crypto, hospital.key, [certificate], { ...payload, iat: 1, exp: 2 }) },
      { name: 'signed by somebody else', jws: signStatement(crypto, other, typ, payload, [certificate]) },
      {
        name: 'of another hospital',
        jws: signStatement(crypto, hospital.key, typ, { ...payload, iss: `h-${'0'.repeat(32)}` }, [certificate]),
      },
      {
        name: 'a key that is none',
        jws: signStatement(
          crypto,
          hospital.key,
          typ,
          { ...payload, publicKey: encodeBase64url(concat(Uint8Array.of(4), new Uint8Array(64))) },
          [certificate],
        ),
      },
    ],
  }
}

export function makeEvidence(): EvidenceVectors {
  const crypto = deterministicCrypto('evidence.json')
  const server = party(crypto, 'server')
  const device = crypto.importSigningKey(decodeHex(parties.deviceKey))
  const digest = () => sha256Hex(crypto.randomBytes(32))
  const claims: EvidenceClaims = {
    nonce: crypto.randomBytes(32),
    iat: NOW_SECONDS,
    tee: 'process',
    simulated: true,
    debug: false,
    measurement: digest(),
    runtime: digest(),
    securityVersion: 2,
    serverRef: server.ref,
    identityKey: server.key.publicKey,
    configDigest: digest(),
    isolation: ['own-process', 'no-network'],
  }
  const registration = {
    serverRef: server.ref,
    identityKey: encodeHex(server.key.publicKey),
    teeKind: 'process',
    measurements: [claims.measurement],
    configDigest: claims.configDigest,
    attestationKeys: [encodeHex(device.publicKey)],
  }
  const policy = { teeKinds: ['process'], minSecurityVersion: 2, allowSimulated: true }
  const jws = issueEvidence(crypto, device, claims)
  const debug = issueEvidence(crypto, device, { ...claims, debug: true })
  const { key: other } = party(crypto, 'doctor')
  const base = { nonce: encodeHex(claims.nonce), registration, policy }
  const unreported = signStatement(crypto, device, 'trusthealth-evidence+jwt', {
    ...payloadOf(jws),
    tee: 'optee',
    simulated: false,
  })
  return {
    about: 'Evidence of the server of parties.json, signed by its device key: docs/protocol/09-evidence.md',
    valid: [
      { name: 'a simulated process, allowed', jws, ...base },
      { name: 'debug mode, allowed', jws: debug, ...base, policy: { ...policy, allowDebug: true } },
    ],
    refused: [
      { name: 'malformed', code: 'ATTESTATION_MALFORMED', jws: `${jws}.`, ...base },
      { name: 'another key', code: 'ATTESTATION_SIGNATURE', jws: issueEvidence(crypto, other, claims), ...base },
      { name: 'another nonce', code: 'ATTESTATION_NONCE', jws, ...base, nonce: '00'.repeat(32) },
      { name: 'another kind', code: 'ATTESTATION_KIND', jws, ...base, policy: { ...policy, teeKinds: ['tdx'] } },
      {
        name: 'simulated',
        code: 'ATTESTATION_SIMULATED',
        jws,
        ...base,
        policy: { teeKinds: ['process'], minSecurityVersion: 2 },
      },
      { name: 'debug', code: 'ATTESTATION_DEBUG', jws: debug, ...base },
      {
        name: 'too old',
        code: 'ATTESTATION_SECURITY_VERSION',
        jws,
        ...base,
        policy: { ...policy, minSecurityVersion: 3 },
      },
      {
        name: 'another program',
        code: 'ATTESTATION_MEASUREMENT',
        jws,
        ...base,
        registration: { ...registration, measurements: ['00'.repeat(32)] },
      },
      {
        name: 'another server',
        code: 'ATTESTATION_IDENTITY',
        jws,
        ...base,
        registration: { ...registration, serverRef: `s-${'0'.repeat(32)}` },
      },
      {
        name: 'another configuration',
        code: 'ATTESTATION_CONFIG',
        jws,
        ...base,
        registration: { ...registration, configDigest: '00'.repeat(32) },
      },
      {
        // Accepted before OP-TEE reported: docs/protocol/09-evidence.md §9.4.
        name: 'OP-TEE without reports',
        code: 'ATTESTATION_MALFORMED',
        jws: unreported,
        nonce: base.nonce,
        registration: { ...registration, teeKind: 'optee' },
        policy: { teeKinds: ['optee'], minSecurityVersion: 2 },
      },
    ],
  }
}

/** The same server in OP-TEE. */
export function makeOpteeEvidence(): EvidenceVectors {
  const crypto = deterministicCrypto('evidence-optee.json')
  const server = party(crypto, 'server')
  const key = crypto.importSigningKey(decodeHex(parties.deviceKey))
  const device = makeTestDevice(
    JSON.parse(readFileSync(new URL('optee-device.json', import.meta.url), 'utf8')) as JsonWebKey,
  )
  const digest = () => sha256Hex(crypto.randomBytes(32))
  const programs = { program: digest(), core: digest(), signer: digest(), version: '4.5.0' }
  const { signer, version } = programs
  const claims = {
    nonce: crypto.randomBytes(32),
    iat: NOW_SECONDS,
    simulated: false,
    debug: false,
    measurement: digest(),
    securityVersion: 2,
    serverRef: server.ref,
    identityKey: server.key.publicKey,
    configDigest: digest(),
    isolation: ['trustzone'],
  }
  const core = { digest: programs.core, version, signer, debug: false, simulated: false }
  const program = {
    digest: programs.program,
    measurement: claims.measurement,
    signer,
    securityVersion: claims.securityVersion,
    debug: false,
  }
  const reportKeys = [reportKeyThumbprint(crypto, device.reportKey)]
  const reference: OpteeReference = { reportKeys, cores: [core], programs: [program] }
  const registration = {
    serverRef: server.ref,
    identityKey: encodeHex(server.key.publicKey),
    teeKind: 'optee',
    measurements: [claims.measurement],
    configDigest: claims.configDigest,
    attestationKeys: [encodeHex(key.publicKey)],
  }
  const platform = makeOpteePlatform(device, programs)
  const jws = issueOpteeEvidence(crypto, key, claims, platform)
  const base = {
    jws,
    nonce: encodeHex(claims.nonce),
    registration: { ...registration, optee: reference },
    policy: { teeKinds: ['optee'], minSecurityVersion: claims.securityVersion },
  }
  const knowing = (change: Partial<OpteeReference>) => ({
    registration: { ...registration, optee: { ...reference, ...change } },
  })
  const { optee: _, ...unreported } = payloadOf(jws)
  const otherNonce = { ...platform, report: () => reportsOf(device, new Uint8Array(32), programs) }
  const changed = makeOpteePlatform(device, { ...programs, program: digest() })
  return {
    about: 'Evidence of OP-TEE on the device of optee-device.json: docs/protocol/09-evidence.md §9.4',
    valid: [
      { ...base, name: 'OP-TEE' },
      {
        ...base,
        name: 'OP-TEE in an emulated machine, allowed',
        ...knowing({ cores: [{ ...core, simulated: true }] }),
        policy: { ...base.policy, allowSimulated: true },
      },
    ],
    refused: [
      {
        ...base,
        name: 'OP-TEE without reports',
        code: 'ATTESTATION_MALFORMED',
        jws: signStatement(crypto, key, 'trusthealth-evidence+jwt', unreported),
      },
      { ...base, name: 'another device', code: 'ATTESTATION_REPORT', ...knowing({ reportKeys: [] }) },
      {
        ...base,
        name: 'reports over other claims',
        code: 'ATTESTATION_REPORT',
        jws: issueOpteeEvidence(crypto, key, claims, otherNonce),
      },
      {
        ...base,
        name: 'OP-TEE of an emulated machine',
        code: 'ATTESTATION_SIMULATED',
        ...knowing({ cores: [{ ...core, simulated: true }] }),
      },
      {
        ...base,
        name: 'a debug build of the program',
        code: 'ATTESTATION_DEBUG',
        ...knowing({ programs: [{ ...program, debug: true }] }),
      },
      {
        ...base,
        name: 'a program that says it is newer than it is',
        code: 'ATTESTATION_SECURITY_VERSION',
        ...knowing({ programs: [{ ...program, securityVersion: 1 }] }),
      },
      { ...base, name: 'another OP-TEE', code: 'ATTESTATION_PLATFORM', ...knowing({ cores: [] }) },
      {
        ...base,
        name: 'another signer',
        code: 'ATTESTATION_SIGNER',
        ...knowing({ programs: [{ ...program, signer: digest() }] }),
      },
      {
        ...base,
        name: 'a program with one changed byte',
        code: 'ATTESTATION_MEASUREMENT',
        jws: issueOpteeEvidence(crypto, key, claims, changed),
      },
    ],
  }
}

function payloadOf(jws: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}
