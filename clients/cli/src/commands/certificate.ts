/**
 * `trusthealth certificate …`: when certificates end, renewing them, and another identity key for the record server, all
 * while everybody works. Spec: docs/protocol/02-registration.md §2.9, §2.10; run book: docs/operations/keys.md.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeBase64url, encodeBase64url, encodeHex } from '../../../../shared/crypto/src/index.ts'
import { struct, text, uint } from '../../../../shared/protocol/src/index.ts'
import { confirmStep } from '../ask.ts'
import { CommandError, doing } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { timeoutOf } from '../connection.ts'
import type { Context } from '../context.ts'
import { openLedgerOf, withLedger } from '../ledger-access.ts'
import { table } from '../output.ts'
import { fetchServerStatus } from '../record-server.ts'
import { requireSystem, SERVER_PROGRAM, urlOf } from '../system-file.ts'
import { numberWords } from '../words.ts'

export const CERTIFICATE_COMMANDS: readonly CommandRow[] = [
  {
    path: 'certificate show',
    summary: 'show when the certificates of the record server, hospitals, administrators and people here end',
    examples: ['certificate show', 'certificate show --json', 'certificate show --quiet'],
    run: show,
  },
  {
    path: 'certificate renew',
    summary: 'renew the certificate of the record server now, and the others here that end soon',
    details:
      'The keys stay. Hospitals, doctors and patients renew theirs by themselves: services look every hour, people when\n' +
      'they do something. What a hospital’s service has on its own machine is renewed there.',
    examples: ['certificate renew', 'certificate renew --json', 'certificate renew --dry-run'],
    run: renew,
  },
  {
    path: 'certificate rotate',
    summary: 'give the record server another identity key, or its store another sealing key, without stopping it',
    details:
      'The protected program makes the key and signs it with the one before; the ledger keeps both. Receipts and\n' +
      'checkpoints of before stay good; the key before is destroyed in the store and believed for nothing newer.\n' +
      'With --sealing: the key that seals patients’ keys and the identity key inside the store; everything sealed moves\n' +
      'to it. Cut off, it goes on with the same command.',
    options: [{ flags: '--sealing', description: 'the sealing key of the store, not the identity key' }],
    examples: ['certificate rotate', 'certificate rotate --sealing --yes', 'certificate rotate --dry-run'],
    run: rotate,
  },
]

async function show(context: Context): Promise<void> {
  const { consortium } = requireSystem(context.state)
  const { endWords, readCertificates, warningsOf } = await import('../system/certificates.ts')
  const certificates = await withLedger(context, 'The ledger cannot be read', (ledger) =>
    readCertificates(context, consortium, ledger),
  )
  const nowMs = context.clock.nowMs()
  const rows = certificates.map(({ who, kind, endsMs }) => [who, kind, endWords(endsMs, nowMs)])
  const warnings = warningsOf(certificates, nowMs)
  const next = warnings.length === 0 ? [] : ['', ...warnings, 'Renew them:  trusthealth certificate renew']
  context.output.result({ certificates, endSoon: warnings.length }, [table(rows, ''), ...next].join('\n'))
}

async function renew(context: Context): Promise<void> {
  const { consortium } = requireSystem(context.state)
  if (context.flags.dryRun === true) {
    context.output.result({ server: consortium.serverRef }, 'Would renew the certificate of the record server.')
    return
  }
  const { openOperator } = await import('../system/operator.ts')
  const { openMember } = await import('../system/members.ts')
  const { renewServerCertificate } = await import('../system/record-server-setup.ts')
  const { hasKeysHere } = await import('../system/certificates.ts')
  const operator = await openOperator(context)
  for (const hospital of consortium.hospitals) {
    if (hasKeysHere(context, hospital)) await openMember(context, hospital.name, hospital.slug)
  }
  const { serverRef } = consortium
  await withLedger(context, 'The certificate was not renewed', (ledger) =>
    renewServerCertificate(context, { ledger, operator, serverRef }, true),
  )
  await show(context)
}

const nextShape = struct({ identityKey: text({ max: 128 }), handover: text({ max: 128 }) })

async function rotate(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  if (options['sealing'] === true) return await rotateSealing(context)
  const { consortium, system } = requireSystem(context.state)
  const { serverRef } = consortium
  if (context.flags.dryRun === true) {
    context.output.result({ server: serverRef }, 'Would give the record server another identity key.')
    return
  }
  await confirmStep(context, 'Give the record server another identity key?')
  const { askAsOperator } = await import('../system/replica.ts')
  const { openOperator } = await import('../system/operator.ts')
  const { exchangeIdentity } = await import('../system/server-identity.ts')
  const url = urlOf(system, SERVER_PROGRAM)
  const operator = await openOperator(context)
  const ledger = await openLedgerOf(context, consortium, system)
  try {
    const { before, after } = await doing('The key was not exchanged', () =>
      exchangeIdentity(
        { ledger, operator, serverRef },
        {
          async current() {
            const { identityKey } = await fetchServerStatus(context, url)
            if (identityKey === undefined) throw new CommandError('TEE_NOT_PROVISIONED')
            return decodeBase64url(identityKey)
          },
          async next() {
            const { identityKey, handover } = nextShape(
              await askAsOperator(context, `${url}/v1/identity/next`, {}),
              'answer',
            )
            return { identityKey: decodeBase64url(identityKey), handover: decodeBase64url(handover) }
          },
          async take(cert) {
            await askAsOperator(context, `${url}/v1/identity/take`, { certificate: encodeBase64url(cert) })
          },
        },
      ),
    )
    context.output.result(
      { server: serverRef, before: encodeBase64url(before), identityKey: encodeBase64url(after) },
      `The record server has another identity key: ${encodeHex(after.slice(1, 5))}… in place of ${encodeHex(before.slice(1, 5))}…`,
    )
  } finally {
    await ledger.close()
  }
}

const SEALING_LOOK_MS = 100
const SEALING_PATIENCE_MS = 60_000
const generationShape = struct({ generation: uint({ min: 1 }) })

async function rotateSealing(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { serverRef: server } = consortium
  if (context.flags.dryRun === true) {
    context.output.result({ server }, 'Would give the record server’s store another sealing key.')
    return
  }
  await confirmStep(context, 'Give the record server’s store another sealing key?')
  const { askAsOperator } = await import('../system/replica.ts')
  const url = urlOf(system, SERVER_PROGRAM)
  const answer = await doing('The key was not exchanged', () =>
    askAsOperator(context, `${url}/v1/identity/sealing`, {}),
  )
  const { generation } = generationShape(answer, 'answer')
  const patienceMs = Math.max(SEALING_PATIENCE_MS, timeoutOf(context))
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += SEALING_LOOK_MS) {
    const { sealing } = await fetchServerStatus(context, url)
    if (sealing?.isExchanging === false) {
      context.output.result(
        { server, generation },
        `The record server’s store has another sealing key: number ${numberWords(generation)}. Everything sealed moved to it.`,
      )
      return
    }
    await sleep(SEALING_LOOK_MS)
  }
  throw new CommandError('SERVER_UNAVAILABLE', {
    what: 'The record server has not moved everything to its new key yet.',
  })
}
