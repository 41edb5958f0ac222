/**
 * `trusthealth recovery …`: votes of organisations for who holds the record server's store, and from which state it goes
 * on. Spec: docs/protocol/07-ledger.md §7.16, 10-tee-abi.md §10.9; what to do when: docs/operations/backups.md.
 *
 * @module
 */
import { MAX_TERM, type Succession, type SuccessionStart } from '../../../../shared/ledger-model/src/index.ts'
import type { Sha256Hex } from '../../../../shared/protocol/src/index.ts'
import { confirmSevereStep } from '../ask.ts'
import { codeOfFailure, doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionRow, OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { formatMoment } from '../dates.ts'
import { withLedger } from '../ledger-access.ts'
import { countOption } from '../moments.ts'
import { text } from '../option-values.ts'
import { table } from '../output.ts'
import type { OnLedger, StoreHere } from '../system/recovery-votes.ts'
import { requireSystem, SERVER_PROGRAM, urlOf } from '../system-file.ts'
import { numberWords } from '../words.ts'
import { votersOf } from './voters.ts'

const HOSPITAL: OptionRow = {
  flags: '--hospital <name>',
  description: 'vote of this hospital only; else of every organisation whose administrator is on this device',
}
const TERM: OptionRow = { flags: '--term <number>', description: 'of which term; else the one after the approved one' }

export const RECOVERY_COMMANDS: readonly CommandRow[] = [
  {
    path: 'recovery show',
    summary: 'show who is to hold the record server’s store, who voted for it, and what the store here is',
    details:
      'The store on this device is looked at while the record server stands still: trusthealth start --ledger-only.',
    examples: ['recovery show', 'recovery show --json', 'recovery show --quiet'],
    run: show,
  },
  {
    path: 'recovery approve',
    summary: 'vote that the store on this device, or that of an instance, goes on',
    details:
      'More than half of the organisations must vote for the same. Where the store is older than what the shared ledger\n' +
      'vouches for, the vote names what is given up, and wants the 6-character code; see --dry-run.',
    options: [
      { flags: '--instance <digest>', description: 'which instance; else the one on this device' },
      {
        flags: '--from <state>',
        description: 'with --instance: epoch:size:root, where later entries are given up (recovery show)',
      },
      TERM,
      HOSPITAL,
    ],
    examples: [
      'recovery approve --dry-run',
      'recovery approve --confirm 4be07c',
      'recovery approve --instance 9f…c2 --term 1 --hospital "Hospital A"',
    ],
    run: approve,
  },
  {
    path: 'recovery withdraw',
    summary: 'take a vote for who holds the store back',
    options: [{ flags: '--term <number>', description: 'of which term' }, HOSPITAL],
    examples: [
      'recovery withdraw --term 1',
      'recovery withdraw --term 1 --hospital "Hospital A"',
      'recovery withdraw --term 1 --json',
    ],
    run: withdraw,
  },
  {
    path: 'recovery shares',
    summary: 'show which hospitals keep a share of the record server’s key, or have given theirs to a new device',
    details:
      'The shares are made and fetched by themselves. More than half of the hospitals’ organisations give the key.',
    examples: ['recovery shares', 'recovery shares --json', 'recovery shares --quiet'],
    run: shares,
  },
  {
    path: 'recovery give',
    summary: 'give your hospital’s share of the lost record server’s key to the new device',
    details:
      'Only to the device that more than half of the organisations voted for (recovery approve), and only after it has\n' +
      'proven which program it runs. The new device is started with trusthealth start --restore.',
    options: [{ flags: '--server <url>', description: 'where the new device is; else where the record server was' }],
    examples: [
      'recovery give --as hospital-a',
      'recovery give --as hospital-a --json',
      'recovery give --as hospital-b --server http://10.0.0.7:8443',
    ],
    run: give,
  },
]

async function approve(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { storeHere, successionOnLedger, voteForSuccession } = await import('../system/recovery-votes.ts')
  const voters = await votersOf(context, consortium, options)
  const found = await successionOnLedger(context, consortium, system)
  const instance = instanceOption(options)
  const store = instance === undefined ? await lookAtStore(context, () => storeHere(context, system)) : undefined
  const term = countOption('--term', text(options, 'term'), (found.approved?.term ?? 0) + 1, MAX_TERM)
  const succession = await wantedSuccession({ term, instance, store, options, found })
  const names = voters.map(({ mspId }) => mspId)
  const lines = linesOf(succession, found, names)
  const code = succession.from?.root.slice(0, 6)
  if (context.flags.dryRun === true) {
    const confirm = code === undefined ? '' : `\nTo do it:  trusthealth recovery approve --confirm ${code}`
    context.output.result({ succession, voters: names, code: code ?? null }, `${lines.join('\n')}${confirm}`)
    return
  }
  if (code !== undefined) await confirmSevereStep(context, { lines, code })
  await withLedger(context, 'No vote was cast', (ledger) =>
    voteForSuccession(ledger, voters, consortium.serverRef, succession),
  )
  await show(context)
}

async function withdraw(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const { consortium } = requireSystem(context.state)
  const given = text(options, 'term')
  if (given === undefined) throw usageError('The term is missing.', '--term …')
  const term = countOption('--term', given, 1, MAX_TERM)
  const { withdrawSuccessionVotes } = await import('../system/recovery-votes.ts')
  const voters = await votersOf(context, consortium, options)
  await withLedger(context, 'No vote was taken back', (ledger) =>
    withdrawSuccessionVotes(ledger, voters, consortium.serverRef, term),
  )
  await show(context)
}

/** What is voted for: the store here as it is, or what was given. @throws {CommandError} `CLIENT_USAGE` */
async function wantedSuccession(parts: {
  readonly term: number
  readonly instance: Sha256Hex | undefined
  readonly store: StoreHere | undefined
  readonly options: OptionValues
  readonly found: OnLedger
}): Promise<Succession> {
  const { term, instance, store, options, found } = parts
  const given = fromOption(options)
  if (instance !== undefined) return { term, instance, ...(given === undefined ? {} : { from: given }) }
  if (given !== undefined) throw usageError('--from is for another device.', '--instance … --from …')
  if (store === undefined) {
    throw usageError('The record server runs, or there is no store here.', 'start --ledger-only, or --instance …')
  }
  const { isBelow } = await import('../system/recovery-votes.ts')
  const { checkpoint } = found
  if (checkpoint === undefined || !isBelow(store, checkpoint)) return { term, instance: store.instance }
  const { size, root } = store
  return { term, instance: store.instance, from: { epoch: checkpoint.epoch, size, root } }
}

function linesOf({ term, instance, from }: Succession, { checkpoint }: OnLedger, voters: readonly string[]): string[] {
  const lost = from === undefined || checkpoint === undefined ? 0 : checkpoint.size - from.size
  return [
    `Vote of ${voters.join(', ')}: in term ${term} the store is held by the instance ${instance}.`,
    ...(from === undefined
      ? []
      : [
          `It goes on with ${numberWords(from.size)} entries of the log. Of what the shared ledger vouches for since then, ` +
            `at least ${entries(Math.max(lost, 0))}, nothing is served any more.`,
          'Whoever holds a receipt from then sees it fail. This cannot be undone once the server has gone on.',
        ]),
  ]
}

async function show(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { isBelow, isServerRunning, storeHere, successionOnLedger } = await import('../system/recovery-votes.ts')
  const found = await successionOnLedger(context, consortium, system)
  const { record, approved, checkpoint } = found
  const look = lookAtStore(context, () => storeHere(context, system))
  // The votes are shown where the store cannot be.
  const store = await look.catch((error: unknown) => {
    if (codeOfFailure(error) === 'TEE_NOT_OFFERED') return 'not offered' as const
    throw error
  })
  const organizations = [
    { name: 'the operator', mspId: consortium.operatorMspId },
    ...consortium.hospitals.map(({ name, mspId }) => ({ name, mspId })),
  ]
  const rows = organizations.flatMap(({ name, mspId }) => {
    const votes = record.votes.filter((vote) => vote.mspId === mspId)
    if (votes.length === 0) return [[name, 'no vote', '', '']]
    return votes.map(({ timeMs, ...vote }) => [name, `term ${vote.term}`, wordsOf(vote), formatMoment(timeMs)])
  })
  const anchored = checkpoint && { epoch: checkpoint.epoch, size: checkpoint.size, root: checkpoint.root }
  const here = typeof store === 'object' ? { ...store, isBelow: isBelow(store, checkpoint) } : undefined
  const outcome =
    approved === undefined ? 'Nothing is approved: the first device holds the store.' : approvedWords(approved)
  const lines = [
    table(rows, ''),
    outcome,
    ...(anchored === undefined ? [] : [`On the ledger: ${entries(anchored.size)}, epoch ${anchored.epoch}.`]),
    ...(here === undefined ? [noStoreWords(isServerRunning(system), store)] : hereWords(here, anchored)),
  ]
  context.output.result(
    {
      serverRef: record.serverRef,
      approved: approved ?? null,
      votes: record.votes,
      anchored: anchored ?? null,
      store: here ?? null,
    },
    lines.join('\n'),
  )
}

async function shares(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { fetchRestoring, fetchServerStatus } = await import('../record-server.ts')
  const url = urlOf(system, SERVER_PROGRAM)
  const nameOf = (mspId: string) => consortium.hospitals.find((one) => one.mspId === mspId)?.name ?? mspId
  const { state, failure, found, device } = await doing('The shares cannot be read', async () => {
    const status = await fetchServerStatus(context, url)
    return { ...status, found: status.shares, device: await fetchRestoring(context, url) }
  })
  const result = { state, failure: failure ?? null, shares: found ?? null, restoring: device ?? null }
  const { progress } = device ?? {}
  if (progress !== undefined) {
    const { given, wrong, threshold, isComplete } = progress
    const rows = [
      ...given.map((mspId) => [` ${nameOf(mspId)}`, 'has given its share']),
      ...wrong.map((mspId) => [` ${nameOf(mspId)}`, context.output.paint.red('gave a share that is not its own')]),
    ]
    const need = threshold === undefined ? 'Nobody has given a share.' : `${given.length} of ${threshold} shares.`
    const trouble = device?.trouble === undefined ? '' : `\nThe backup is no good: ${device.trouble}.`
    const words = isComplete ? 'The key is whole.' : need
    context.output.result(result, `${table(rows, '')}\nInstance ${device?.instance ?? ''}. ${words}${trouble}`.trim())
    return
  }
  if (found === undefined) {
    const why =
      failure === undefined ? 'No hospital has asked for a share yet.' : `The record server stopped: ${failure}.`
    context.output.result(result, why)
    return
  }
  const { held, holders, threshold, timeMs } = found
  const rows = holders.map((mspId) => [` ${nameOf(mspId)}`, held.includes(mspId) ? 'keeps its share' : 'not yet'])
  context.output.result(
    result,
    `${table(rows, '')}\nAny ${threshold} of ${holders.length} give the key. Made ${formatMoment(timeMs)}.`,
  )
}

async function give(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const { connectHospital, using } = await import('../connection.ts')
  const url = text(options, 'server')
  await using(connectHospital(context), async ({ client, who, consortium }) => {
    const { hospital } = client.options
    if (context.flags.dryRun === true) {
      const [newest] = await doing('Not read', () => hospital.recoveryShares(client.requestSigner))
      const words = newest === undefined ? 'has no share' : `would give its share of set ${newest.number}`
      context.output.result({ share: newest ?? null }, `${who.name} ${words}.`)
      return
    }
    const done = await doing('No share was given', () => hospital.giveRecoveryShare(client.requestSigner, url))
    const { instance, given, threshold, isComplete } = done
    const names = given.map((mspId) => consortium.hospitals.find((one) => one.mspId === mspId)?.name ?? mspId)
    const outcome = isComplete ? 'The key is whole.' : `${given.length} of ${threshold}: ${names.join(', ')}.`
    context.output.result(done, `Given to instance ${instance.slice(0, 8)}…. ${outcome}`)
  })
}

function lookAtStore<T>({ output }: Context, look: () => Promise<T>): Promise<T> {
  output.detail('Looking at the store.')
  return doing('The store does not open', look)
}

function noStoreWords(isRunning: boolean, store: 'not offered' | StoreHere | undefined): string {
  if (store === 'not offered') return 'In TrustZone the store is not looked at while the record server stands still.'
  return isRunning ? 'The record server runs; its store is not looked at.' : 'There is no store on this device.'
}

function hereWords(store: StoreHere & { readonly isBelow: boolean }, anchored?: { readonly epoch: number }): string[] {
  const { instance, term, size, root } = store
  const state = `${anchored?.epoch ?? 0}:${size}:${root}`
  return [
    `Store here: instance ${instance}, term ${term}, ${entries(size)}.`,
    ...(store.isBelow
      ? [`It is older than what the ledger vouches for. Elsewhere it is voted for with --from ${state}.`]
      : []),
  ]
}

function approvedWords(approved: Succession): string {
  return `Approved: term ${approved.term}, ${wordsOf(approved)}.`
}

function wordsOf({ instance, from }: Succession): string {
  const short = `instance ${instance.slice(0, 8)}…`
  return from === undefined ? short : `${short} from entry ${from.size} (gives up epoch ${from.epoch})`
}

function instanceOption(options: OptionValues): Sha256Hex | undefined {
  const given = text(options, 'instance')
  if (given === undefined || isDigest(given)) return given
  throw usageError('--instance is a digest of 64 hexadecimal digits.')
}

function fromOption(options: OptionValues): SuccessionStart | undefined {
  const given = text(options, 'from')
  if (given === undefined) return undefined
  const [epoch, size, root, ...more] = given.split(':')
  const isNumber = (one: string | undefined): one is string => one !== undefined && /^[1-9][0-9]{0,14}$/.test(one)
  if (!isNumber(epoch) || !isNumber(size) || root === undefined || !isDigest(root) || more.length > 0) {
    throw usageError('--from is epoch:size:root, as recovery show says.')
  }
  return { epoch: Number(epoch), size: Number(size), root }
}

function isDigest(given: string): given is Sha256Hex {
  return /^[0-9a-f]{64}$/.test(given)
}

function entries(count: number): string {
  return count === 1 ? '1 entry' : `${numberWords(count)} entries`
}
