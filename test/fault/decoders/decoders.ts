/**
 * Every decoder of input from outside, with good input, and the codes with which it may refuse. What a decoder is given
 * beside its input is right, so that only the input can be at fault.
 *
 * @module
 */
import {
  concat,
  CryptoError,
  decodeBase64url,
  decodeHex,
  decodePem,
  decodeUtf8,
  encodeBase64url,
  encodeHex,
  encodeUtf8,
  hpkeOpen,
  hpkeSeal,
  parseCertificate,
} from '../../../shared/crypto/src/index.ts'
import { consentToWarrant, extractIndex, FhirError, linkBundle, ehrTypeOf } from '../../../shared/fhir/src/index.ts'
import { NdjsonSplitter, parseResource, splitBundle, warrantToConsent } from '../../../shared/fhir/src/index.ts'
import {
  decodeBlock,
  decodeConfiguration,
  decodeConfigurationUpdate,
  decodeEndorsedAnswers,
  decodeProposal,
  decodeQuery,
  decodeSignedProposal,
  decodeSignedQuery,
  decodeTransaction,
  encodeBlock,
  encodeConfiguration,
  encodeConfigurationUpdate,
  encodeEndorsedAnswers,
  encodeQuery,
  encodeSignedProposal,
  encodeSignedQuery,
  encodeTransaction,
  endorseContent,
  LedgerError,
  makeBlock,
  parseResult,
  patientPoliciesShape,
  signProposal,
  signQuery,
  verifyBlock,
  verifyEndorsedRead,
  WireMessage,
  bytesField,
  numberField,
} from '../../../shared/ledger-model/src/index.ts'
import * as protocol from '../../../shared/protocol/src/index.ts'
import {
  decodeCore,
  decodeFinish,
  decodeFinishContent,
  decodeHello,
  decodeReply,
  encodeCore,
  encodeFinish,
  encodeFinishContent,
  encodeReply,
} from '../../../shared/protocol/src/session/messages.ts'
import { peekRecord } from '../../../shared/protocol/src/session/record-layer.ts'
import { startHandshake } from '../../../shared/protocol/src/session/index.ts'
import {
  AbiError,
  decodeOutcome,
  decodeRequest,
  decodeTaMessage,
  encodeAnswer,
  encodeEffect,
  encodeFrame,
  encodeRequest,
  FrameReader,
} from '../../../shared/tee-abi/src/index.ts'
import {
  addCosignature,
  emptyRoot,
  formatNote,
  formatVerifierKey,
  formatWitnessRequest,
  LogError,
  openCheckpoint,
  parseNote,
  parseVerifierKey,
  parseWitnessRequest,
  signCheckpoint,
  verifyConsistency,
  verifyCosignature,
  verifyInclusion,
} from '../../../shared/tlog/src/index.ts'
import { ClientError } from '../../../clients/sdk/src/errors.ts'
import { createKeys, formatIdentityFile, parseIdentityFile, signerOf } from '../../../clients/sdk/src/identity.ts'
import { recordAnswerShape } from '../../../clients/sdk/src/record-answer.ts'
import { decodeEntry, encodeEntry } from '../../../secure/core/src/audit/entry.ts'
import { createConsortium, type TestOrganization } from '../../../testkit/src/consortium.ts'
import { InsecureFabricPeer } from '../../../testkit/src/fabric-peer.ts'
import { makeProtocolParties } from '../../../testkit/src/protocol-parties.ts'
import { openSessionWorld } from '../../../testkit/src/session-world.ts'

/** How the input is built, so that damage can be done inside. */
export type InputForm = 'bytes' | 'text' | 'cbor' | 'json' | 'jws'

export interface DecoderRow {
  readonly name: string
  readonly form: InputForm
  /** Good input. Text is given as UTF-8 and reaches the decoder as text. */
  readonly samples: readonly Uint8Array[]
  readonly decode: (input: Uint8Array) => unknown
  /** Class and codes of its refusals. */
  readonly error: abstract new (...args: never[]) => Error
  readonly codes: readonly string[]
}

export async function makeDecoders(): Promise<readonly DecoderRow[]> {
  const { crypto, patient, doctor, otherDoctor, hospital, server, ptk, treatmentKey } = makeProtocolParties()
  const consortium = await createConsortium()
  const world = openSessionWorld(crypto)
  const sample = (text: string): Uint8Array[] => [encodeUtf8(text)]
  const cborOf = (value: object): Uint8Array => protocol.encodeCbor(value as protocol.CborValue)
  const nowMs = Date.UTC(2030, 0, 1)
  const nowS = nowMs / 1000
  const digest = crypto.sha256(encodeUtf8('digest'))
  const recordId = protocol.newRecordId(crypto, nowMs)
  const ehr = encodeUtf8(JSON.stringify({ resourceType: 'Observation', status: 'final', code: { text: 'HbA1c' } }))
  const rows: DecoderRow[] = []
  const row = (one: DecoderRow): void => void rows.push(one)

  const PROTOCOL = protocol.ProtocolError
  const MESSAGE = ['CBOR_MALFORMED', 'MESSAGE_MALFORMED']
  const message = (name: string, bytes: Uint8Array, decode: (input: Uint8Array) => unknown, more: string[] = []) =>
    row({ name, form: 'cbor', samples: [bytes], decode, error: PROTOCOL, codes: [...MESSAGE, ...more] })
  const statement = (name: string, jws: string, code: string, decode: (jws: string) => unknown, more: string[] = []) =>
    row({
      name,
      form: 'jws',
      samples: sample(jws),
      decode: (input) => decode(asText(input)),
      error: PROTOCOL,
      codes: [code, ...more],
    })
  const ledger = (name: string, bytes: Uint8Array, code: string, decode: (input: Uint8Array) => unknown) =>
    row({ name, form: 'cbor', samples: [bytes], decode, error: LedgerError, codes: [code] })

  // encodings
  row({
    name: 'decodeCbor',
    form: 'cbor',
    samples: [cborOf({ a: [1, null, 'x', digest], b: { c: 300 } })],
    decode: (input) => protocol.decodeCbor(input),
    error: PROTOCOL,
    codes: ['CBOR_MALFORMED'],
  })
  row({
    name: 'parseJson',
    form: 'json',
    samples: sample('{"a":[1,null,"x"],"b":{"c":300}}'),
    decode: (input) => protocol.parseJson(asText(input), { maxBytes: 65_536 }),
    error: PROTOCOL,
    codes: ['MESSAGE_MALFORMED'],
  })
  const encoding = (name: string, text: string, decode: (text: string) => unknown) =>
    row({
      name,
      form: 'text',
      samples: sample(text),
      decode: (input) => decode(asText(input)),
      error: CryptoError,
      codes: ['CRYPTO_BAD_ENCODING'],
    })
  encoding('decodeHex', encodeHex(digest), decodeHex)
  encoding('decodeBase64url', encodeBase64url(digest), decodeBase64url)
  row({
    name: 'decodeUtf8',
    form: 'bytes',
    samples: sample('Grüße, 您好 👋'),
    decode: decodeUtf8,
    error: CryptoError,
    codes: ['CRYPTO_BAD_ENCODING'],
  })
  const certificate = world.participant('doctor').certificate
  row({
    name: 'parseCertificate',
    form: 'bytes',
    samples: [
      certificate,
      world.organizations[0].roots[0] as Uint8Array,
      consortium.organizations[0]?.admin.cert as Uint8Array,
    ],
    decode: parseCertificate,
    error: CryptoError,
    codes: ['CRYPTO_BAD_CERTIFICATE'],
  })
  const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(certificate).toString('base64').replaceAll(/.{64}/g, '$&\n').trim()}\n-----END CERTIFICATE-----\n`
  encoding('decodePem', pem, (text) => decodePem('CERTIFICATE', text))
  const sealKey = crypto.generateAgreementKey()
  const sealed = hpkeSeal(crypto, sealKey.publicKey, digest, digest, ehr)
  row({
    name: 'hpkeOpen',
    form: 'bytes',
    samples: [sealed],
    decode: (input) => hpkeOpen(crypto, sealKey, digest, digest, input),
    error: CryptoError,
    codes: ['CRYPTO_DECRYPTION_FAILED'],
  })

  // statements
  const signer: protocol.PatientSigner = { patient: patient.ref, patientKeys: patient.keys }
  const warrantTerms: protocol.Warrant = {
    jti: protocol.newId(crypto, 'w'),
    iss: patient.ref,
    doctors: [doctor.ref, otherDoctor.ref],
    hospital: hospital.ref,
    nbf: nowS,
    exp: nowS + 86_400,
    scope: ['lab', 'medicine'],
    aux: 'visit',
  }
  const warrant = protocol.issueWarrant(crypto, patient.key, warrantTerms)
  const WARRANT = ['WARRANT_SIGNATURE_INVALID']
  statement('parseWarrant', warrant, 'STATEMENT_MALFORMED', protocol.parseWarrant)
  const verifyWarrant = (jws: string) => protocol.verifyWarrant(crypto, jws, signer)
  statement('verifyWarrant', warrant, 'STATEMENT_MALFORMED', verifyWarrant, WARRANT)
  const recording = protocol.makeWarrantRecord(crypto, patient.key, warrant)
  const verifyRecording = (jws: string) => protocol.verifyWarrantRecord(crypto, jws, signer)
  statement('verifyWarrantRecord', recording, 'STATEMENT_MALFORMED', verifyRecording, WARRANT)
  const grant = protocol.issueGrant(crypto, patient.key, {
    jti: protocol.newId(crypto, 'g'),
    iss: patient.ref,
    grantee: doctor.ref,
    scope: ['*'],
    records: [recordId],
    fromMs: 0,
    toMs: 0,
    purpose: 'TREAT',
    nbf: nowS,
    exp: nowS + 60,
  })
  statement('parseGrant', grant, 'STATEMENT_MALFORMED', protocol.parseGrant)
  statement('verifyGrant', grant, 'GRANT_INVALID', (jws) => protocol.verifyGrant(crypto, jws, signer))
  const revocation = protocol.issueRevocation(crypto, patient.key, {
    jti: protocol.newId(crypto, 'v'),
    iss: patient.ref,
    target: warrantTerms.jti,
    iat: nowS,
  })
  const verifyRevocation = (jws: string) => protocol.verifyRevocation(crypto, jws, signer)
  statement('verifyRevocation', revocation, 'REVOCATION_INVALID', verifyRevocation)
  const newKey = crypto.generateSigningKey()
  const keyStatement = protocol.issueKeyStatement(crypto, patient.key, {
    jti: protocol.newId(crypto, 'k'),
    iss: patient.ref,
    action: 'add',
    kid: protocol.kidOf(crypto, newKey.publicKey),
    publicKey: encodeBase64url(newKey.publicKey),
    sealKey: encodeBase64url(sealKey.publicKey),
    label: 'phone',
    kind: 'device',
    iat: nowS,
  })
  const verifyKeyStatement = (jws: string) => protocol.verifyKeyStatement(crypto, jws, signer)
  statement('verifyKeyStatement', keyStatement, 'KEY_STATEMENT_INVALID', verifyKeyStatement)
  const credentialPatient = world.patient(world.participant('hospital')).identity.credential
  const credential = credentialPatient.kind === 'patient' ? credentialPatient.jws : ''
  statement('parseCredential', credential, 'CREDENTIAL_REJECTED', protocol.parseCredential)
  const evidence = world.server.attest(digest)
  statement('parseEvidence', evidence, 'ATTESTATION_MALFORMED', protocol.parseEvidence)
  statement(
    'verifyEvidence',
    evidence,
    'ATTESTATION_MALFORMED',
    (jws) =>
      protocol.verifyEvidence(crypto, jws, {
        expectedNonce: digest,
        registration: world.check.server,
        policy: world.check.policy,
      }),
    ['ATTESTATION_SIGNATURE'],
  )
  const commitment = protocol.makeCommitment(crypto, treatmentKey, {
    recordId,
    version: 1,
    patient: patient.ref,
    author: doctor.ref,
    salt: digest,
    ehr,
    warrantHash: protocol.warrantHash(crypto, warrant),
    previous: new Uint8Array(),
  })
  const receipt = protocol.issueReceipt(crypto, server.key, {
    iss: server.ref,
    ...protocol.commitmentToJson(commitment),
    batchId: protocol.newId(crypto, 'b'),
    index: 0,
    txId: encodeHex(digest) as protocol.TxId,
    block: 4,
    logIndex: 2,
    logSize: 4,
    logRoot: protocol.sha256Hex(digest),
    iat: nowS,
  })
  statement('verifyReceipt', receipt, 'RECEIPT_INVALID', (jws) =>
    protocol.verifyReceipt(crypto, jws, { server: server.ref, key: server.verifyingKey, commitment }),
  )
  const request = protocol.requestStatement(
    crypto,
    { iss: patient.ref, method: 'GET', path: '/v1/warrants' },
    new Uint8Array(),
    nowMs,
  )
  const requestJws = protocol.signStatement(crypto, patient.key, 'trusthealth-request+jwt', request)
  statement('parseRequestStatement', requestJws, 'REQUEST_REJECTED', (jws) =>
    protocol.parseRequestStatement(`TrustHealth ${jws}`),
  )

  // envelopes and uploads
  const upload = { recordId, version: 1, ehr, salt: digest, warrant, previous: new Uint8Array() }
  const encodedUpload = protocol.encodeRecordUpload(upload)
  const envelope = protocol.sealEnvelope(crypto, treatmentKey, patient.ref, 'record', encodedUpload)
  row({
    name: 'openEnvelope',
    form: 'cbor',
    samples: [envelope],
    decode: (input) => protocol.openEnvelope(crypto, treatmentKey, patient.ref, 'record', input),
    error: PROTOCOL,
    codes: ['ENVELOPE_REJECTED'],
  })
  row({
    name: 'peekEnvelope',
    form: 'cbor',
    samples: [envelope],
    decode: protocol.peekEnvelope,
    error: PROTOCOL,
    codes: ['ENVELOPE_REJECTED'],
  })
  const sealedKey = protocol.sealTreatmentKey(
    crypto,
    { patient: patient.ref, version: 1, ptk },
    doctor.ref,
    doctor.sealKey.publicKey,
  )
  row({
    name: 'openTreatmentKey',
    form: 'bytes',
    samples: [sealedKey],
    decode: (input) => protocol.openTreatmentKey(crypto, doctor.sealKey, input, patient.ref, 1, doctor.ref),
    error: PROTOCOL,
    codes: ['ENVELOPE_REJECTED'],
  })
  message('decodeRecordUpload', encodedUpload, protocol.decodeRecordUpload, ['RECORD_TOO_LARGE'])
  const chain = protocol.addLink(
    crypto,
    protocol.startChain(crypto),
    { patient: patient.ref, treatmentKey },
    { recordId, author: doctor.ref, ehr, salt: digest, warrant },
    doctor.key,
  )
  message('decodeChainUpload', protocol.encodeChainUpload(chain), protocol.decodeChainUpload, ['RECORD_TOO_LARGE'])
  const chainCodes = ['CHAIN_LINK_MISSING', 'CHAIN_LINK_REPEATED', 'CHAIN_LINK_REORDERED', 'CHAIN_LINK_ALTERED']
  const checkChain = (input: Uint8Array) =>
    protocol.checkChain(crypto, protocol.decodeChainUpload(input), {
      ...signer,
      treatmentKey,
      doctorKeys: new Map([[doctor.ref, doctor.verifyingKey]]),
      ehrTypeOf: () => 'lab',
      nowMs,
      allowUnfinished: true,
    })
  message('checkChain', protocol.encodeChainUpload(chain), checkChain, [
    ...chainCodes,
    ...WARRANT,
    'STATEMENT_MALFORMED',
    'RECORD_TOO_LARGE',
    'WARRANT_PARTY_MISMATCH',
    'PARTICIPANT_UNKNOWN',
  ])
  const wish = {
    v: 1 as const,
    patientRef: patient.ref,
    department: 'Cardiology',
    fromMs: nowMs,
    symptoms: 's',
    aux: '',
    doctors: [doctor.ref],
  }
  message(
    'openAppointmentWish',
    cborOf(wish),
    (input) =>
      protocol.openAppointmentWish(
        crypto,
        treatmentKey,
        patient.ref,
        protocol.sealEnvelope(crypto, treatmentKey, patient.ref, 'appointment', input),
      ),
    ['ENVELOPE_REJECTED'],
  )

  // sessions
  message('decodeHello', startHandshake(crypto).hello, decodeHello)
  const core = encodeCore({
    v: 1,
    sid: crypto.randomBytes(16),
    server: server.ref,
    x: digest,
    ct: crypto.randomBytes(1_088),
    nonce: digest,
  })
  message('decodeCore', core, decodeCore)
  message('decodeReply', encodeReply({ core, evidence, sig: crypto.randomBytes(64), mac: digest }), decodeReply)
  message('decodeFinish', encodeFinish({ sid: crypto.randomBytes(16), box: ehr }), decodeFinish)
  row({
    name: 'decodeFinishContent',
    form: 'cbor',
    samples: [
      encodeFinishContent({
        client: doctor.ref,
        credential: { kind: 'x509', chain: [certificate] },
        sig: crypto.randomBytes(64),
        mac: digest,
      }),
      encodeFinishContent({
        client: patient.ref,
        credential: { kind: 'patient', jws: credential },
        sig: crypto.randomBytes(64),
        mac: digest,
      }),
    ],
    decode: decodeFinishContent,
    error: PROTOCOL,
    codes: MESSAGE,
  })
  row({
    name: 'peekRecord',
    form: 'bytes',
    samples: [crypto.randomBytes(60)],
    decode: peekRecord,
    error: PROTOCOL,
    codes: ['SESSION_RECORD_REJECTED'],
  })
  const wholeCommitment = {
    ...commitment,
    batchId: protocol.newId(crypto, 'b'),
    index: 0,
    txId: encodeHex(digest),
    block: 3,
  }
  const logPlace = { index: 1, size: 2, entry: ehr, proof: [digest], checkpoint: 'x' }
  message(
    'record answer',
    cborOf({
      recordId,
      version: 1,
      latestVersion: 1,
      author: doctor.ref,
      ehr,
      salt: digest,
      warrant,
      commitment: wholeCommitment,
      log: logPlace,
      accessIndex: 5,
    }),
    (input) => recordAnswerShape(protocol.decodeCbor(input), 'record'),
  )

  // the door of the trusted application
  const abi = (name: string, bytes: Uint8Array, decode: (input: Uint8Array) => unknown) =>
    row({ name, form: 'cbor', samples: [bytes], decode, error: AbiError, codes: ['TEE_MESSAGE_INVALID'] })
  const endorsement = {
    id: 3,
    op: 'endorsement' as const,
    need: 1,
    answers: [[{ answer: ehr, signature: crypto.randomBytes(64) }]],
  }
  row({
    name: 'decodeRequest',
    form: 'cbor',
    samples: [
      encodeRequest(endorsement),
      encodeRequest({ id: 4, op: 'hello', hello: ehr, conn: 2 }),
      encodeRequest({ id: 5, op: 'proof', from: 1, to: 2 }),
    ],
    decode: decodeRequest,
    error: PROTOCOL,
    codes: [...MESSAGE, 'TEE_UNKNOWN_COMMAND'],
  })
  abi(
    'decodeTaMessage',
    encodeEffect({ fx: 'need', need: 1, queries: [{ fn: 'a', args: [] }], nonce: digest, minHeight: 0 }),
    decodeTaMessage,
  )
  abi('decodeOutcome', encodeAnswer('attest', 4, { evidence }), (input) => {
    const taken = decodeTaMessage(input)
    return taken.kind === 'answer' ? decodeOutcome('attest', taken.body) : taken
  })
  row({
    name: 'FrameReader',
    form: 'bytes',
    samples: [encodeFrame(ehr)],
    decode: (input) => new FrameReader().push(input),
    error: AbiError,
    codes: ['TEE_FRAME_INVALID'],
  })
  message(
    'decodeEntry',
    encodeEntry({ t: 'read', timeMs: nowMs, actor: doctor.ref, patient: patient.ref }),
    decodeEntry,
  )

  // the ledger
  const admin = consortium.organizations[0]?.admin
  if (admin === undefined) throw new TypeError('the consortium has an organisation')
  const proposal = {
    channel: consortium.channel,
    mspId: admin.mspId,
    cert: admin.cert,
    nonce: crypto.randomBytes(24),
    timeMs: nowMs,
    fn: 'participant',
    args: [doctor.ref, 'x'.repeat(400)],
  }
  const signedProposal = signProposal(crypto, admin.signingKey, proposal)
  ledger('decodeProposal', signedProposal.proposal, 'LEDGER_BAD_PROPOSAL', decodeProposal)
  ledger('decodeSignedProposal', encodeSignedProposal(signedProposal), 'LEDGER_BAD_PROPOSAL', (input) =>
    decodeProposal(decodeSignedProposal(input).proposal),
  )
  const query = {
    channel: consortium.channel,
    mspId: admin.mspId,
    cert: admin.cert,
    timeMs: nowMs,
    nonce: digest,
    queries: [{ fn: 'participant', args: [doctor.ref] }],
  }
  ledger('decodeQuery', encodeQuery(query), 'LEDGER_BAD_PROPOSAL', decodeQuery)
  const signedQuery = signQuery(crypto, admin.signingKey, query)
  ledger('decodeSignedQuery', encodeSignedQuery(signedQuery), 'LEDGER_BAD_PROPOSAL', decodeSignedQuery)
  const endorsed = endorseContent(crypto, consortium.nodeKey, {
    channel: consortium.channel,
    mspId: admin.mspId,
    fn: 'participant',
    args: [doctor.ref],
    nonce: digest,
    height: 4,
    blockHash: digest,
    timeMs: nowMs,
    status: 200,
    result: '{}',
  })
  const demand = {
    query: { fn: 'participant', args: [doctor.ref] },
    channel: consortium.channel,
    nonce: digest,
    nodes: [{ mspId: admin.mspId, publicKey: crypto.importVerifyingKey(consortium.nodeKey.publicKey) }],
    quorum: 1,
  }
  row({
    name: 'verifyEndorsedRead',
    form: 'cbor',
    samples: [encodeEndorsedAnswers([[endorsed]])],
    decode: (input) => verifyEndorsedRead(crypto, demand, decodeEndorsedAnswers(input)[0] ?? []),
    error: LedgerError,
    codes: ['ENDORSEMENT_MALFORMED', 'ENDORSEMENT_SIGNATURE', 'ENDORSEMENT_NONCE', 'ENDORSEMENT_QUORUM'],
  })
  const transaction = encodeTransaction(signedProposal, proposal.args, {
    status: 'VALID',
    result: '{}',
    writes: [{ key: 'participant/x', value: 'y'.repeat(20) + proposal.args[1] }],
    event: null,
  })
  ledger('decodeTransaction', transaction, 'LEDGER_BLOCK_INVALID', (input) => decodeTransaction(crypto, input))
  const { block } = makeBlock(crypto, consortium.nodeKey, undefined, {
    kind: 'data',
    timeMs: nowMs,
    transactions: [transaction],
  })
  ledger('verifyBlock', encodeBlock(block), 'LEDGER_BLOCK_INVALID', (input) =>
    verifyBlock(crypto, undefined, decodeBlock(input), demand.nodes),
  )
  const configuration = encodeConfiguration(consortium.genesis)
  const CONFIGURATION = 'LEDGER_CONFIGURATION_REJECTED'
  ledger('decodeConfiguration', configuration, CONFIGURATION, (input) => decodeConfiguration(crypto, input))
  const update = encodeConfigurationUpdate({ configuration, signatures: [] })
  ledger('decodeConfigurationUpdate', update, CONFIGURATION, (input) =>
    decodeConfiguration(crypto, decodeConfigurationUpdate(input).configuration),
  )
  const policy = [
    {
      patientRef: patient.ref,
      status: 'active',
      hospitals: [hospital.ref],
      keys: [],
      warrants: [],
      grants: [],
      suspended: [],
    },
  ]
  const { authority } = consortium.organizations[0] as TestOrganization
  const peer = await InsecureFabricPeer.create(crypto, authority)
  const reading = { channel: 'health', chaincode: 'trusthealth', nonce: digest, height: 4, timeMs: Date.now() }
  const asked = { queries: [demand.query], answers: [{ status: 200 as const, result: '{}' }] }
  const organizations = [{ mspId: peer.mspId, roots: [authority.root] }]
  const fabric = { channel: 'health', quorum: 1, fabric: { chaincode: 'trusthealth', organizations } }
  row({
    name: 'verifyEndorsedRead of a peer of Fabric',
    form: 'cbor',
    samples: [encodeEndorsedAnswers([[peer.answer({ ...reading, ...asked })]])],
    decode: (input) => {
      const [answers = []] = decodeEndorsedAnswers(input)
      return verifyEndorsedRead(crypto, { ...fabric, query: demand.query, nonce: digest }, answers)
    },
    error: LedgerError,
    codes: ['ENDORSEMENT_MALFORMED', 'ENDORSEMENT_SIGNATURE', 'ENDORSEMENT_NONCE', 'ENDORSEMENT_QUORUM'],
  })
  row({
    name: 'WireMessage',
    form: 'bytes',
    samples: [concat(numberField(1, 300), bytesField(2, 'text'), bytesField(16, digest))],
    decode: (input) => new WireMessage(input),
    error: LedgerError,
    codes: ['ENDORSEMENT_MALFORMED'],
  })
  row({
    name: 'patient policies',
    form: 'json',
    samples: sample(JSON.stringify(policy)),
    decode: (input) => parseResult(asText(input), patientPoliciesShape),
    error: LedgerError,
    codes: ['ENDORSEMENT_MALFORMED'],
  })

  // logs
  const origin = `trusthealth/${server.ref}`
  const logKey = { name: origin, key: server.verifyingKey }
  const checkpoint = signCheckpoint(crypto, server.key, { origin, size: 0, root: emptyRoot(crypto), extensions: [] })
  const log = (name: string, text: string, codes: readonly string[], decode: (text: string) => unknown) =>
    row({ name, form: 'text', samples: sample(text), decode: (input) => decode(asText(input)), error: LogError, codes })
  log(
    'openCheckpoint',
    checkpoint,
    ['LOG_CHECKPOINT_MALFORMED', 'LOG_SIGNATURE_MISSING', 'LOG_SIGNATURE_INVALID', 'LOG_ORIGIN_MISMATCH'],
    (text) => openCheckpoint(crypto, text, origin, [logKey]),
  )
  const witness = { name: hospital.ref, key: hospital.verifyingKey }
  const cosigned = formatNote(addCosignature(crypto, hospital.key, hospital.ref, parseNote(checkpoint), nowMs))
  log('verifyCosignature', cosigned, ['LOG_CHECKPOINT_MALFORMED', 'LOG_SIGNATURE_INVALID'], (text) =>
    verifyCosignature(crypto, parseNote(text), witness),
  )
  const toWitness = formatWitnessRequest({ oldSize: 3, proof: [digest, digest], checkpoint })
  log('parseWitnessRequest', toWitness, ['LOG_CHECKPOINT_MALFORMED'], parseWitnessRequest)
  log('parseVerifierKey', formatVerifierKey(crypto, logKey), ['LOG_KEY_MALFORMED'], (text) =>
    parseVerifierKey(crypto, text),
  )
  const proofShape = protocol.struct({
    index: protocol.uint(),
    size: protocol.uint(),
    proof: protocol.list(protocol.bytes({ length: 32 }), { max: 64 }),
  })
  const proof = cborOf({ index: 0, size: 1, proof: [] })
  row({
    name: 'verifyInclusion',
    form: 'cbor',
    samples: [proof],
    decode(input) {
      const { index, size, proof: hashes } = withoutRefusal(() => proofShape(protocol.decodeCbor(input), 'proof'))
      verifyInclusion(crypto, digest, index, size, hashes, digest)
    },
    error: LogError,
    codes: ['LOG_SIZE_INVALID', 'LOG_PROOF_INVALID'],
  })
  row({
    name: 'verifyConsistency',
    form: 'cbor',
    samples: [1, 100_000, 2 ** 40].map((size) => cborOf({ index: size, size, proof: [] })),
    decode(input) {
      const { index, size, proof: hashes } = withoutRefusal(() => proofShape(protocol.decodeCbor(input), 'proof'))
      verifyConsistency(crypto, index, size, digest, digest, hashes)
    },
    error: LogError,
    codes: ['LOG_SIZE_INVALID', 'LOG_PROOF_INVALID', 'LOG_NOT_CONSISTENT'],
  })

  // FHIR
  const FHIR = [
    'FHIR_TOO_LARGE',
    'FHIR_TOO_DEEP',
    'FHIR_NOT_JSON',
    'FHIR_DUPLICATE_KEY',
    'FHIR_UNKNOWN_RESOURCE_TYPE',
    'FHIR_BAD_ID',
  ]
  const fhir = (name: string, value: object, decode: (text: string) => unknown, more: string[] = []) =>
    row({
      name,
      form: 'json',
      samples: sample(JSON.stringify(value)),
      decode: (input) => decode(asText(input)),
      error: FhirError,
      codes: [...FHIR, ...more],
    })
  fhir('FHIR resource and its index', observation, (text) => {
    const resource = parseResource(text)
    return [extractIndex(resource), ehrTypeOf(resource)]
  })
  const bundle = {
    resourceType: 'Bundle',
    type: 'collection',
    entry: [{ fullUrl: 'urn:uuid:1', resource: { resourceType: 'Patient', id: 'p' } }, { resource: observation }],
  }
  fhir('FHIR bundle', bundle, (text) => linkBundle(splitBundle(text)), ['FHIR_NOT_A_BUNDLE'])
  const consent = warrantToConsent(
    {
      jti: warrantTerms.jti,
      patientRef: patient.ref,
      doctors: warrantTerms.doctors,
      hospital: hospital.ref,
      notBeforeMs: nowMs,
      notAfterMs: nowMs + 86_400_000,
      scope: ['lab'],
      aux: 'x',
    },
    { status: 'active' },
  )
  fhir('FHIR consent', consent, (text) => consentToWarrant(parseResource(text)), ['FHIR_CONSENT_UNSUPPORTED'])
  row({
    name: 'NDJSON',
    form: 'bytes',
    samples: sample('{"resourceType":"Patient"}\n{"resourceType":"Observation"}\r\n'),
    // A line with its end damaged is longer.
    decode: (input) => new NdjsonSplitter(40).push(input),
    error: FhirError,
    codes: ['FHIR_TOO_LARGE'],
  })

  // files of the clients
  const keys = createKeys(crypto)
  const identityFile = formatIdentityFile(crypto, keys, {
    name: 'Bob',
    identity: {
      kind: 'practitioner',
      ref: doctor.ref,
      mspId: admin.mspId,
      signer: signerOf(crypto, keys.signingKey),
      sealKey: keys.sealKey,
      credential: { kind: 'x509', chain: [certificate] },
    },
  })
  row({
    name: 'parseIdentityFile',
    form: 'json',
    samples: sample(identityFile),
    decode: (input) => parseIdentityFile(crypto, asText(input)),
    error: ClientError,
    codes: ['CLIENT_NO_IDENTITY'],
  })
  return rows
}

/** Thrown for input that does not reach the decoder in question. */
export class NotReached extends Error {}

function withoutRefusal<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new NotReached('refused before', { cause })
  }
}

/** Damaged text arrives as whatever text its bytes make; each byte one character where they make none. */
function asText(input: Uint8Array): string {
  try {
    return decodeUtf8(input)
  } catch {
    return Buffer.from(input).toString('latin1')
  }
}

const observation = {
  resourceType: 'Observation',
  id: 'o-1',
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '4548-4', display: 'HbA1c' }], text: 'HbA1c' },
  subject: { reference: 'Patient/p' },
  performer: [{ reference: 'Practitioner/d', display: 'Dr' }],
  effectiveDateTime: '2026-11-14T09:30:00+01:00',
  valueQuantity: { value: 47, unit: 'mmol/mol', system: 'http://unitsofmeasure.org', code: 'mmol/mol' },
  referenceRange: [{ high: { value: 42 } }],
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">HbA1c <b>47</b></div>' },
}
