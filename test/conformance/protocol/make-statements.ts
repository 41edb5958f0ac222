/**
 * Vectors of what patients sign: docs/protocol/03-envelopes-and-warrants.md.
 *
 * @module
 */
import {
  encodeBase64url,
  encodeHex,
  encodeUtf8,
  type Crypto,
  type SigningKey,
} from '../../../shared/crypto/src/index.ts'
import {
  issueWarrant,
  kidOf,
  makeWarrantRecord,
  newId,
  newRecordId,
  parseWarrantRecord,
  signStatement,
  STATEMENT_TYPES,
  warrantHash,
  type HospitalRef,
  type PatientRef,
  type PractitionerRef,
  type StatementType,
  type Warrant,
} from '../../../shared/protocol/src/index.ts'
import { deterministicCrypto, NOW_SECONDS, parties, party } from './vector-parties.ts'
import type { StatementVectors, WarrantVectors } from './vector-types.ts'

/** Signs any header and payload text: for what the library would not write. */
export function signRaw(crypto: Crypto, key: SigningKey, header: string, payload: string): string {
  const input = `${encodeBase64url(encodeUtf8(header))}.${encodeBase64url(encodeUtf8(payload))}`
  return `${input}.${encodeBase64url(crypto.sign(key, encodeUtf8(input)))}`
}

/** The one header of a kind and key. */
export function headerOf(kid: string, typ: StatementType): string {
  return `{"alg":"ES256","kid":"${kid}","typ":"${typ}"}`
}

/** What every kind of statement refuses, properly signed where that is possible. */
export function refusedForms(
  crypto: Crypto,
  key: SigningKey,
  typ: StatementType,
  payload: object,
  good: string,
): StatementVectors['refused'] {
  const kid = kidOf(crypto, key.publicKey)
  const header = headerOf(kid, typ)
  const text = JSON.stringify(payload)
  const first = Object.keys(payload)[0] as string
  const other = Object.keys(STATEMENT_TYPES).find((name) => name !== typ && name !== 'trusthealth-credential+jwt')
  const [start, middle, signature] = good.split('.') as [string, string, string]
  const raw = (h: string, p: string): string => signRaw(crypto, key, h, p)
  return [
    { name: 'header members in another order', jws: raw(`{"typ":"${typ}","alg":"ES256","kid":"${kid}"}`, text) },
    { name: 'white space in the header', jws: raw(header.replace(',', ', '), text) },
    { name: 'one more header member', jws: raw(header.replace('}', ',"crit":[]}'), text) },
    { name: 'a certificate chain where none belongs', jws: raw(header.replace('}', ',"x5c":["MAA="]}'), text) },
    { name: 'algorithm none', jws: raw(header.replace('ES256', 'none'), text) },
    { name: 'algorithm HS256', jws: raw(header.replace('ES256', 'HS256'), text) },
    { name: 'another typ', jws: raw(header.replace(typ, other as string), text) },
    { name: 'a member twice', jws: raw(header, text.replace('{', `{"${first}":"x",`)) },
    { name: 'an unknown member', jws: raw(header, text.replace('{', '{"more":1,')) },
    { name: 'a missing member', jws: raw(header, JSON.stringify({ ...payload, [first]: undefined })) },
    { name: 'padding', jws: `${start}.${middle}=.${signature}` },
    { name: 'no signature', jws: `${start}.${middle}.` },
    { name: 'a fourth part', jws: `${good}.` },
    { name: 'a signature of zeros', jws: `${start}.${middle}.${'A'.repeat(86)}` },
    { name: 'one bit of the signature', jws: `${start}.${middle}.${flipFirst(signature)}` },
  ]
}

function flipFirst(text: string): string {
  return `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`
}

function makeStatements(
  file: string,
  typ: StatementType,
  payloadsOf: (crypto: Crypto) => readonly { readonly name: string; readonly payload: object }[],
): StatementVectors {
  const crypto = deterministicCrypto(file)
  const patient = party(crypto, 'patient')
  const doctor = party(crypto, 'doctor')
  const valid = payloadsOf(crypto).map(({ name, payload }) => ({
    name,
    payload: payload as Readonly<Record<string, unknown>>,
    jws: signStatement(crypto, patient.key, typ, payload),
  }))
  const first = valid[0]!
  return {
    about: `Statements of typ ${typ} by the patient of parties.json: docs/protocol/03-envelopes-and-warrants.md`,
    typ,
    valid,
    refused: [
      ...refusedForms(crypto, patient.key, typ, first.payload, first.jws),
      { name: 'signed by somebody else', jws: signStatement(crypto, doctor.key, typ, first.payload) },
      {
        name: 'in the name of another patient',
        jws: signStatement(crypto, patient.key, typ, { ...first.payload, iss: parties.parties.otherPatient.ref }),
      },
    ],
  }
}

export function warrantOf(crypto: Crypto): Warrant {
  return {
    jti: newId(crypto, 'w'),
    iss: parties.parties.patient.ref as PatientRef,
    doctors: [
      parties.parties.doctor.ref as PractitionerRef,
      parties.parties.secondDoctor.ref as PractitionerRef,
      parties.parties.hospital.ref as HospitalRef,
    ],
    hospital: parties.parties.hospital.ref as HospitalRef,
    nbf: NOW_SECONDS,
    exp: NOW_SECONDS + 7 * 86_400,
    scope: ['lab', 'imaging'],
    aux: 'Knie, 18. November ✓',
  }
}

export function makeWarrants(): WarrantVectors {
  const file = 'warrant.json'
  const statements = makeStatements(file, 'trusthealth-warrant+jwt', (crypto) => [
    { name: 'two doctors and the hospital', payload: warrantOf(crypto) },
    { name: 'every kind', payload: { ...warrantOf(crypto), scope: ['*'], aux: '' } },
  ])
  const crypto = deterministicCrypto(`${file} hashes`)
  return { ...statements, hashes: statements.valid.map(({ jws }) => encodeHex(warrantHash(crypto, jws))) }
}

export function makeWarrantRecords(): StatementVectors {
  return makeStatements('warrant-record.json', 'trusthealth-warrant-record+jwt', (crypto) => {
    const { key } = party(crypto, 'patient')
    const recording = makeWarrantRecord(crypto, key, issueWarrant(crypto, key, warrantOf(crypto)))
    return [{ name: 'of two doctors and the hospital', payload: parseWarrantRecord(recording).payload }]
  })
}

export function makeGrants(): StatementVectors {
  return makeStatements('grant.json', 'trusthealth-grant+jwt', (crypto) => {
    const grant = {
      jti: newId(crypto, 'g'),
      iss: parties.parties.patient.ref,
      grantee: parties.parties.secondDoctor.ref,
      scope: ['lab'],
      records: [newRecordId(crypto, NOW_SECONDS * 1_000), newRecordId(crypto, NOW_SECONDS * 1_000 + 1)],
      fromMs: NOW_SECONDS * 1_000 - 86_400_000,
      toMs: NOW_SECONDS * 1_000,
      purpose: 'TREAT',
      nbf: NOW_SECONDS,
      exp: NOW_SECONDS + 86_400,
    }
    const open = { ...grant, jti: newId(crypto, 'g'), scope: ['*'], records: [], fromMs: 0, toMs: 0, purpose: 'HRESCH' }
    return [
      { name: 'two records', payload: grant },
      { name: 'everything, open dates', payload: open },
    ]
  })
}

/** Everything but some records: §3.5, the member that came later. */
export function makeGrantsWithExceptions(): StatementVectors {
  const file = 'grant-except.json'
  const crypto = deterministicCrypto(`${file} terms`)
  const [first, second] = [0, 1].map((later) => newRecordId(crypto, NOW_SECONDS * 1_000 + later))
  const grant = {
    jti: newId(crypto, 'g'),
    iss: parties.parties.patient.ref,
    grantee: parties.parties.secondDoctor.ref,
    scope: ['*'],
    records: [],
    except: [first, second],
    fromMs: 0,
    toMs: 0,
    purpose: 'TREAT',
    nbf: NOW_SECONDS,
    exp: NOW_SECONDS + 86_400,
  }
  const { key } = party(deterministicCrypto(file), 'patient')
  const signed = (payload: object): string => signStatement(crypto, key, 'trusthealth-grant+jwt', payload)
  const statements = makeStatements(file, 'trusthealth-grant+jwt', () => [
    { name: 'everything but two records', payload: grant },
    { name: 'laboratory results but one', payload: { ...grant, scope: ['lab'], except: [first] } },
  ])
  return {
    ...statements,
    refused: [
      ...statements.refused,
      { name: 'an empty exception', jws: signed({ ...grant, except: [] }) },
      { name: 'an exception twice', jws: signed({ ...grant, except: [first, first] }) },
      { name: 'exceptions beside named records', jws: signed({ ...grant, records: [second], except: [first] }) },
      { name: 'an exception that is no record', jws: signed({ ...grant, except: [grant.jti] }) },
    ],
  }
}

export function makeRevocations(): StatementVectors {
  return makeStatements('revocation.json', 'trusthealth-revocation+jwt', (crypto) =>
    (['w', 'g'] as const).map((letter) => ({
      name: letter === 'w' ? 'of a warrant' : 'of a grant',
      payload: {
        jti: newId(crypto, 'v'),
        iss: parties.parties.patient.ref,
        target: newId(crypto, letter),
        iat: NOW_SECONDS,
      },
    })),
  )
}

export function makeKeyStatements(): StatementVectors {
  return makeStatements('key-statement.json', 'trusthealth-key+jwt', (crypto) => {
    const device = party(crypto, 'thirdDoctor') // any other key
    const base = { iss: parties.parties.patient.ref, kid: device.kid, iat: NOW_SECONDS }
    const added = {
      publicKey: encodeBase64url(device.key.publicKey),
      sealKey: encodeBase64url(device.sealKey.publicKey),
      label: 'Tablet 2',
      kind: 'device',
    }
    return [
      { name: 'add a key', payload: { jti: newId(crypto, 'k'), ...base, action: 'add', ...added } },
      { name: 'remove a key', payload: { jti: newId(crypto, 'k'), ...base, action: 'remove' } },
    ]
  })
}
