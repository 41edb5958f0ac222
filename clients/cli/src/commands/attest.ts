/**
 * `trusthealth attest`: what the record server proves of itself, in words. The evidence is asked for with a nonce of
 * our own and compared with the ledger, never with what the server says.
 *
 * @module
 */
import { encodeBase64url, encodeHex } from '../../../../shared/crypto/src/index.ts'
import { verifyEvidence, type EvidenceResult, type ServerRegistration } from '../../../../shared/protocol/src/index.ts'
import { readServerRegistration } from '../../../sdk/src/ledger-reader.ts'
import { doing } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { PRACTICE_POLICY } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { shortId } from '../ids.ts'
import { ledgerReaderOf } from '../ledger-access.ts'
import { table } from '../output.ts'
import { fetchEvidence } from '../record-server.ts'
import { requireSystem, SERVER_PROGRAM, urlOf } from '../system-file.ts'

export const ATTEST_COMMANDS: readonly CommandRow[] = [
  {
    path: 'attest',
    summary: 'ask the record server to prove which program it runs',
    options: [{ flags: '--strict', description: 'accept no simulated protected area: as outside practice' }],
    examples: ['attest', 'attest --strict', 'attest --json'],
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
}

async function attest(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { crypto } = context
  const ledger = ledgerReaderOf(context, consortium, system)
  const [registration, nonce] = [
    await doing('Not checked', () => readServerRegistration(ledger, consortium.serverRef)),
    crypto.randomBytes(32),
  ]
  const evidence = await doing('Not checked', () => fetchEvidence(context, urlOf(system, SERVER_PROGRAM), nonce))
  const { allowSimulated: _practice, ...strict } = PRACTICE_POLICY
  const policy = options['strict'] === true ? strict : PRACTICE_POLICY
  const result = await doing('Stopped before anything was sent', () =>
    Promise.resolve(verifyEvidence(crypto, evidence, { expectedNonce: nonce, registration, policy })),
  )
  context.output.result(evidenceJson(result, registration), wordsOf(context, result, registration))
}

function wordsOf({ output }: Context, result: EvidenceResult, registration: ServerRegistration): string {
  const { paint } = output
  const at = registration.measurements.indexOf(result.measurement)
  const rows = [
    ['Program', result.measurement],
    ['', `one of ${registration.measurements.length} that the hospitals approved (number ${at + 1})`],
    ['Server', `${shortId(result.serverRef)}, with the identity key that the ledger has`],
    ['Set up with', `the organisations and rules that the ledger has (${registration.configDigest.slice(0, 16)}…)`],
    ['Protected by', protectionWords(result)],
    ['Runs on', `runtime ${result.runtime.slice(0, 16)}…, version of its safeguards ${result.securityVersion}`],
    ['Switched on', result.isolation.map((one) => ISOLATION[one] ?? one).join(', ') || 'nothing'],
    ['Answered', `${formatMoment(result.iat * 1000)}, to a question of this command`],
  ]
  const meaning = result.simulated
    ? paint.magenta('PRACTICE: the protected area is simulated. Who administers this machine could read everything.')
    : 'The protected area is hardware: its operator cannot read what is inside.'
  return `${table(rows, '')}\n\nNot told by this: whether the approved program is free of faults.\n${meaning}`
}

function protectionWords({ tee, simulated, debug }: EvidenceResult): string {
  if (debug) return `${tee}, in debug mode: its operator can read everything`
  return simulated ? `${tee}: simulated, for practice` : tee
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
    iat: result.iat,
    nonce: encodeHex(result.nonce),
  }
}
