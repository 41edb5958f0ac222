/**
 * `trusthealth replica …`: a second record server that follows the first and takes its place when the organisations say so.
 * Spec: docs/protocol/11-replica.md; how it is run: docs/operations/replica.md.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { submitCall } from '../../../../ledger/client/src/index.ts'
import { REPLICA_VERSION } from '../../../../shared/ledger-model/src/index.ts'
import { doing, usageError } from '../command-error.ts'
import type { CommandRow } from '../command-row.ts'
import { timeoutOf } from '../connection.ts'
import type { Context } from '../context.ts'
import { confirmSevereStep } from '../ask.ts'
import { formatMoment } from '../dates.ts'
import { openLedgerOf } from '../ledger-access.ts'
import { table } from '../output.ts'
import { requireSystem, SERVER_PROGRAM, urlOf } from '../system-file.ts'
import { countWords, numberWords } from '../words.ts'

const LOOK_EVERY_MS = 100
const MODES = ['asynchronous', 'synchronous', 'off']

export const REPLICA_COMMANDS: readonly CommandRow[] = [
  {
    path: 'replica add',
    summary: 'run a second record server here that follows the first, until Ctrl-C',
    details:
      'The first time its device is registered, and every organisation whose administrator is on this device votes for it.\n' +
      'The key of the store goes from one protected area to the other only if more than half of the organisations did.',
    examples: ['replica add', 'replica add --json', 'replica add --dry-run'],
    run: add,
  },
  {
    path: 'replica status',
    summary: 'show how far the replica is behind',
    examples: ['replica status', 'replica status --json', 'replica status --quiet'],
    run: status,
  },
  {
    path: 'replica mode',
    what: '<mode>',
    summary: 'asynchronous, synchronous (answers wait for the replica), or off',
    details:
      'There is no way back by itself: with a synchronous replica that is gone nobody is answered until you say so.',
    examples: ['replica mode synchronous', 'replica mode asynchronous', 'replica mode off'],
    run: mode,
  },
  {
    path: 'replica promote',
    summary: 'let the replica take the place of the record server',
    details:
      'The organisations whose administrators are on this device vote for it. The server before stops for good.\n' +
      'Wants the 6-character code, see --dry-run.',
    examples: ['replica promote --dry-run', 'replica promote --confirm 4be07c', 'replica promote --json'],
    run: promoteReplica,
  },
]

async function add(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { output, state } = context
  const serverUrl = urlOf(system, SERVER_PROGRAM)
  if (context.flags.dryRun === true) {
    output.result({ follows: serverUrl }, `Would run a replica of ${serverUrl} and vote for it.`)
    return
  }
  const replica = await import('../system/replica.ts')
  const { startReplica } = await import('../system/replica-program.ts')
  const { organizationsHere, voteForProgram } = await import('../system/program-votes.ts')
  const { openOperator } = await import('../system/operator.ts')
  const operator = await openOperator(context)
  const runner = await startReplica(context, { operator, system, serverUrl })
  const ledger = await openLedgerOf(context, consortium, system)
  const stopped = new Promise<void>((resolve) => context.terminal.onInterrupt(resolve))
  try {
    const { url } = runner
    replica.rememberReplica(state, url)
    const found = await until(context, async () => {
      const one = await replica.replicaStatus(context, url)
      return one.instance !== undefined && one.key !== undefined ? one : undefined
    })
    await doing('The replica was not added', async () => {
      if (found.attestationKey !== undefined) {
        await replica.registerDevice(ledger, operator, consortium.serverRef, found.attestationKey)
      }
      const voters = await organizationsHere(context, consortium)
      await voteForProgram(ledger, voters, { measurement: found.instance ?? '', securityVersion: REPLICA_VERSION })
      const { replication } = await replica.replicaStatus(context, serverUrl)
      // One that is followed goes on as it was set.
      if (replication === undefined) await replica.setMode(context, serverUrl, 'asynchronous', found.key)
    })
    const following = await until(context, async () => {
      const one = await replica.replicaStatus(context, url)
      return one.host?.step === 'following' ? one : undefined
    })
    output.result(
      { url, instance: found.instance, follows: serverUrl, ...following.following },
      `The replica ${url} follows ${serverUrl}.\nHow far it is:  trusthealth replica status`,
    )
    output.note('Ctrl-C stops the replica.')
    await stopped
  } finally {
    await ledger.close()
    await runner.stop()
  }
}

async function status(context: Context): Promise<void> {
  const { system } = requireSystem(context.state)
  const { replicaStatus, replicaUrl } = await import('../system/replica.ts')
  const [server, replica] = await Promise.all([
    replicaStatus(context, urlOf(system, SERVER_PROGRAM)).catch(() => undefined),
    replicaStatus(context, replicaUrl(context.state)).catch(() => undefined),
  ])
  const { replication } = server ?? {}
  const behind = replication === undefined ? undefined : replication.position - replication.acknowledged
  const rows = [
    ['record server', server?.state ?? 'does not answer', replication === undefined ? '' : replication.mode],
    ['replica', replica?.state ?? 'does not answer', replica?.host?.step ?? ''],
    ['behind', behind === undefined ? 'not known' : countWords(behind, 'commit'), ''],
    ['heard of', replication?.heardMs === undefined ? 'never' : formatMoment(replication.heardMs), ''],
    ['log of the replica', numberWords(replica?.following?.logSize ?? 0), 'entries'],
  ]
  context.output.result({ server: server ?? null, replica: replica ?? null, behind: behind ?? null }, table(rows, ''))
}

async function mode(context: Context, [wanted = '']: readonly string[]): Promise<void> {
  const { system } = requireSystem(context.state)
  if (!MODES.includes(wanted)) throw usageError(`"${wanted}" is no mode.`, `replica mode ${MODES.join(', ')}`)
  const { checkOffersReplicas, setMode } = await import('../system/replica.ts')
  checkOffersReplicas(context)
  if (context.flags.dryRun === true) {
    context.output.result({ mode: wanted }, `Would replicate in the mode ${wanted}.`)
    return
  }
  await doing('The mode was not changed', () => setMode(context, urlOf(system, SERVER_PROGRAM), wanted))
  await status(context)
}

async function promoteReplica(context: Context): Promise<void> {
  const { consortium, system } = requireSystem(context.state)
  const { nextTerm, promote, replicaStatus, replicaUrl } = await import('../system/replica.ts')
  const { organizationsHere } = await import('../system/program-votes.ts')
  const url = replicaUrl(context.state)
  const { instance = '' } = await doing('The replica does not answer', () => replicaStatus(context, url))
  const code = instance.slice(0, 6)
  const lines = [
    `The replica ${url} takes the place of the record server ${urlOf(system, SERVER_PROGRAM)}.`,
    'The server before stops for good and has to become a replica to come back.',
    'With asynchronous replication what the replica does not have yet is lost; it refuses if the ledger vouches for more.',
  ]
  if (context.flags.dryRun === true) {
    context.output.result({ url, instance, code }, [...lines, `Code: ${code}`].join('\n'))
    return
  }
  await confirmSevereStep(context, { lines, code })
  const sinceMs = performance.now()
  const ledger = await openLedgerOf(context, consortium, system)
  try {
    await doing('The replica did not take over', async () => {
      const organizations = [consortium.operatorMspId, ...consortium.hospitals.map(({ mspId }) => mspId)]
      const term = await nextTerm(ledger, consortium.serverRef, organizations)
      const args = [consortium.serverRef, JSON.stringify({ term, instance })]
      for (const { admin } of await organizationsHere(context, consortium)) {
        await submitCall(ledger, admin, { fn: 'approveSuccession', args })
      }
      await promote(context, url)
      await until(context, async () => {
        return (await replicaStatus(context, url)).state === 'serving' ? true : undefined
      })
    })
  } finally {
    await ledger.close()
  }
  const tookMs = Math.round(performance.now() - sinceMs)
  context.output.result(
    { url, instance, tookMs },
    `${url} is the record server now, after ${numberWords(tookMs)} ms. Point the address of the record server at it.`,
  )
}

/** Until there is something; what does not answer is asked again. */
async function until<T>(context: Context, look: () => Promise<T | undefined>): Promise<T> {
  const untilMs = performance.now() + timeoutOf(context)
  for (;;) {
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      if (performance.now() > untilMs) throw error
    }
    if (performance.now() > untilMs) throw usageError('It takes longer than expected.', 'trusthealth replica status')
    await sleep(LOOK_EVERY_MS)
  }
}
