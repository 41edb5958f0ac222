/**
 * `trusthealth attest`: what the record server proves of itself, in words. The evidence is asked for with a nonce of
 * our own and compared with the ledger, never with what the server says. A piece of evidence in a file is explained too;
 * it is not fresh, and that is said.
 *
 * @module
 */
import { resolve } from 'node:path'
import { encodeBase64url, encodeHex } from '../../../../shared/crypto/src/index.ts'
import {
  parseEvidence,
  verifyEvidence,
  type EvidenceResult,
  type ServerRegistration,
} from '../../../../shared/protocol/src/index.ts'
import { readServerRegistration } from '../../../sdk/src/ledger-reader.ts'
import { doing } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { PRACTICE_POLICY } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { readOwnFile, writePrivateFile } from '../files.ts'
import { shortId } from '../ids.ts'
import { ledgerReaderOf } from '../ledger-access.ts'
import { text } from '../option-values.ts'
import { table } from '../output.ts'
import { fetchEvidence } from '../record-server.ts'
import { requireSystem, SERVER_PROGRAM, urlOf } from '../system-file.ts'

export const ATTEST_COMMANDS: readonly CommandRow[] = [
  {
    path: 'attest',
    summary: 'ask the record server to prove which program it runs',
    options: [
      { flags: '--strict', description: 'accept no simulated protected area: as outside practice' },
      { flags: '--evidence <file>', description: 'explain evidence from a file instead of asking for it' },
      { flags: '--save <file>', description: 'keep the evidence in a file' },
    ],
    examples: ['attest', 'attest --save evidence.jws', 'attest --evidence evidence.jws'],
    run: attest,
  },
]

const ISOLATION: Readonly<Record<string, string>> = {
  'own-process': 'a process of its own',
  'permission-model': 'no access to files outside its folder',
  'no-network': 'no network',
  'own-files': 'files of its own only',
  'own-processes': 'no sight of other processes',
  seccomp: 'only the system calls it needs',
  'no-core-dumps': 'no memory images on disk',
  trustzone: 'memory that the operating system beside it cannot read',
  emulated: 'in an emulator',
  rpmb: 'a store that cannot be put back to an older one',
}

async function attest(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { crypto } = context
  const ledger = await ledgerReaderOf(context, consortium, system)
  const registration = await doing('Not checked', () => readServerRegistration(ledger, consortium.serverRef))
  const file = text(options, 'evidence')
  const fresh = crypto.randomBytes(32)
  const evidence =
    file === undefined
      ? await doing('Not checked', () => fetchEvidence(context, urlOf(system, SERVER_PROGRAM), fresh))
      : Buffer.from(readOwnFile(resolve(context.terminal.currentFolder, file), file))
          .toString('latin1')
          .trim()
  const save = text(options, 'save')
  if (save !== undefined) writePrivateFile(resolve(context.terminal.currentFolder, save), `${evidence}\n`)
  const { allowSimulated: _practice, ...strict } = PRACTICE_POLICY
  const policy = options['strict'] === true ? strict : PRACTICE_POLICY
  const result = await doing('Stopped before anything was sent', () => {
    const expectedNonce = file === undefined ? fresh : parseEvidence(evidence).payload.nonce
    return Promise.resolve(verifyEvidence(crypto, evidence, { expectedNonce, registration, policy }))
  })
  const isFresh = file === undefined
  const answer = { ...evidenceJson(result, registration), fresh: isFresh }
  context.output.result(answer, wordsOf(context, result, registration, isFresh))
}

/** What evidence that passed every check says, for people. */
export function wordsOf(
  { output }: Pick<Context, 'output'>,
  result: EvidenceResult,
  registration: ServerRegistration,
  isFresh: boolean,
): string {
  const { paint } = output
  const at = registration.measurements.indexOf(result.measurement)
  const rows = [
    ['Program', result.measurement],
    ['', `one of ${registration.measurements.length} that the hospitals approved (number ${at + 1})`],
    ['Server', `${shortId(result.serverRef)}, with the identity key that the ledger has`],
    ['Set up with', `the organisations and rules that the ledger has (${registration.configDigest.slice(0, 16)}…)`],
    ['Protected by', protectionWords(result)],
    ...platformRows(result),
    ['Switched on', result.isolation.map((one) => ISOLATION[one] ?? one).join(', ') || 'nothing'],
    [
      'Answered',
      `${formatMoment(result.iat * 1000)}, ${isFresh ? 'to a question of this command' : 'to somebody else: what runs now may be something else'}`,
    ],
  ]
  const meaning = result.simulated ? paint.magenta(practiceWords(result)) : meaningOf(result)
  return `${table(rows, '')}\n\nNot told by this: whether the approved program is free of faults.\n${meaning}`
}

/** What the program runs on; of OP-TEE, what its device reported. */
function platformRows({ optee, runtime, securityVersion }: EvidenceResult): string[][] {
  if (optee === undefined) {
    return [['Runs on', `runtime ${short(runtime)}, version of its safeguards ${securityVersion}`]]
  }
  const { core, version, signer } = optee
  return [
    ['In memory', `${short(runtime)} as the device measured it, version of its safeguards ${securityVersion}`],
    ['Runs on', `OP-TEE ${version}, ${short(core)} as the device measured it, approved`],
    ['Signed by', `the key ${short(signer)}, approved`],
  ]
}

function practiceWords({ tee }: EvidenceResult): string {
  return tee === 'optee'
    ? 'PRACTICE: this TrustZone is emulated. Who runs the emulator could read everything.'
    : 'PRACTICE: the protected area is simulated. Who administers this machine could read everything.'
}

function meaningOf({ optee }: EvidenceResult): string {
  const words = 'The protected area is hardware: its operator cannot read what is inside.'
  return optee === undefined ? words : `${words} That the device booted securely is what its maker vouches for.`
}

function short(digest: string): string {
  return `${digest.slice(0, 16)}…`
}

function protectionWords({ tee, simulated, debug }: EvidenceResult): string {
  if (debug) return `${tee}, in debug mode: its operator can read everything`
  const name = tee === 'optee' ? 'ARM TrustZone with OP-TEE' : tee
  if (!simulated) return name
  return tee === 'optee' ? `${name}, emulated, for practice` : `${name}: simulated, for practice`
}

function evidenceJson(result: EvidenceResult, registration: ServerRegistration): object {
  return {
    serverRef: result.serverRef,
    tee: result.tee,
    simulated: result.simulated,
    debug: result.debug,
    measurement: result.measurement,
    acceptedMeasurements: registration.measurements,
    runtime: result.runtime,
    securityVersion: result.securityVersion,
    configDigest: result.configDigest,
    identityKey: encodeBase64url(result.identityKey),
    attestationKid: result.attestationKid,
    isolation: result.isolation,
    ...(result.optee === undefined ? {} : { optee: opteeJson(result.optee) }),
    iat: result.iat,
    nonce: encodeHex(result.nonce),
  }
}

function opteeJson({ core, version, signer, reportKey }: NonNullable<EvidenceResult['optee']>): object {
  return { core, version, signer, reportKey: encodeBase64url(reportKey) }
}
