/**
 * Records evidence of a real OP-TEE, the one that `npm run optee:build` made in its emulated machine, as vectors:
 * `node record-optee.ts` writes evidence-optee-recorded.json if it is missing. Beside what the program itself says there
 * is what it says with one byte of it changed and signed again.
 *
 * @module
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeHex } from '../../../shared/crypto/src/index.ts'
import { parseEvidence, type OpteeReference, type Sha256Hex } from '../../../shared/protocol/src/index.ts'
import { signAgain } from '../../../clients/cli/src/demo/signed-ta.ts'
import { openTestWorld } from '../../../testkit/src/world/index.ts'
import { opteeTee, readOpteeReference } from '../../../testkit/src/world/optee.ts'
import { builtFolder, TA_UUID } from '../../../tee/optee/src/index.ts'
import type { EvidenceVectors } from './vector-types.ts'

const PATH = new URL('evidence-optee-recorded.json', import.meta.url)
/** A text in the program that no test and no step of a start shows. */
const TEXT = 'a row of answers is missing'

type Case = EvidenceVectors['valid'][number]

/** Evidence that a new server gives, with the registration that its ledger has. */
async function record(taFolder?: string): Promise<Pick<Case, 'jws' | 'nonce' | 'registration'>> {
  const tee = opteeTee(() => undefined, taFolder)
  const world = await openTestWorld({ tee })
  try {
    const nonce = world.crypto.randomBytes(32)
    const { evidence } = await world.server.tee.request('attest', { nonce })
    const { payload } = parseEvidence(evidence)
    const { attestationKey } = await world.server.tee.request('status', {})
    const registered = await tee.registration?.(world.server.tee)
    if (attestationKey === undefined || registered === undefined) throw new TypeError('there is no evidence')
    return {
      jws: evidence,
      nonce: encodeHex(nonce),
      registration: {
        serverRef: payload.serverRef,
        identityKey: encodeHex(payload.identityKey),
        measurements: [tee.measurement],
        configDigest: payload.configDigest,
        attestationKeys: [encodeHex(attestationKey)],
        ...registered,
      },
    }
  } finally {
    await world.close()
  }
}

/** The built program with one letter of one message changed, signed by its own signer. */
function changedProgram(folder: string): string {
  const name = `${TA_UUID}.ta`
  const bytes = readFileSync(join(builtFolder(), 'ta', name))
  const at = bytes.indexOf(TEXT)
  if (at < 0) throw new Error('the program has another message')
  bytes[at] = 'A'.charCodeAt(0)
  writeFileSync(join(folder, name), signAgain(bytes, readFileSync(join(builtFolder(), 'keys/ta-signing.pem'), 'utf8')))
  return folder
}

async function vectors(): Promise<EvidenceVectors> {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-changed-'))
  const recorded = await record()
  const changed = await record(changedProgram(folder))
  rmSync(folder, { recursive: true })
  const { securityVersion, version } = readOpteeReference()
  const { optee } = recorded.registration
  const [core] = optee?.cores ?? []
  const [program] = optee?.programs ?? []
  if (optee === undefined || core === undefined || program === undefined) throw new TypeError('no reference values')
  const strict = { teeKinds: ['optee'], minSecurityVersion: securityVersion }
  const policy = { ...strict, allowSimulated: true }
  const base = { ...recorded, policy }
  const knowing = (change: Partial<OpteeReference>) => ({
    registration: { ...recorded.registration, optee: { ...optee, ...change } },
  })
  const digest = '00'.repeat(32) as Sha256Hex
  return {
    about: `Evidence of OP-TEE ${version} in an emulated machine, as it was recorded there: docs/protocol/09-evidence.md §9.4`,
    valid: [{ ...base, name: 'practice allowed' }],
    refused: [
      { ...base, name: 'an emulated machine', code: 'ATTESTATION_SIMULATED', policy: strict },
      { ...base, name: 'another nonce', code: 'ATTESTATION_NONCE', nonce: digest },
      { ...base, name: 'another device', code: 'ATTESTATION_REPORT', ...knowing({ reportKeys: [] }) },
      { ...base, name: 'another OP-TEE', code: 'ATTESTATION_PLATFORM', ...knowing({ cores: [] }) },
      {
        // What this device reports of the changed program, under that program's own keys.
        ...changed,
        policy,
        name: 'a program with one changed byte',
        code: 'ATTESTATION_MEASUREMENT',
        registration: {
          ...changed.registration,
          optee: { ...optee, reportKeys: changed.registration.optee?.reportKeys ?? [] },
        },
      },
      {
        ...base,
        name: 'another signer',
        code: 'ATTESTATION_SIGNER',
        ...knowing({ cores: [{ ...core, signer: digest }] }),
      },
      {
        ...base,
        name: 'a debug build',
        code: 'ATTESTATION_DEBUG',
        ...knowing({ programs: [{ ...program, debug: true }] }),
      },
      {
        ...base,
        name: 'an old version',
        code: 'ATTESTATION_SECURITY_VERSION',
        policy: { ...policy, minSecurityVersion: securityVersion + 1 },
      },
    ],
  }
}

if (!existsSync(PATH)) writeFileSync(PATH, `${JSON.stringify(await vectors(), null, 2)}\n`)
