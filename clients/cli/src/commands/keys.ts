/**
 * `trusthealth keys …`: the keys with which a patient signs, one for each device.
 *
 * @module
 */
import type { Kid } from '../../../../shared/protocol/src/index.ts'
import { createKeys, signerOf, type Identity } from '../../../sdk/src/identity.ts'
import { confirmStep } from '../ask.ts'
import { CommandError, doing } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { connectPatient, using, whoActs } from '../connection.ts'
import type { Context } from '../context.ts'
import { formatDate } from '../dates.ts'
import { approveJoins, openLink } from '../device-links.ts'
import { keepIdentity } from '../identities.ts'
import { printable, table } from '../output.ts'
import { requireSystem } from '../system-file.ts'

const SHOWN_CHARACTERS = 10
const LINK_SECONDS = 600

export const KEY_COMMANDS: readonly CommandRow[] = [
  {
    path: 'keys list',
    summary: 'list your keys, the removed ones too',
    examples: ['keys list --as bob', 'keys list --as bob --json', 'keys list --as bob --json=lines'],
    run: listKeys,
  },
  {
    path: 'keys add',
    what: '<label>',
    summary: 'make another key here and register it, signed by the one you have',
    options: [{ flags: '--recovery', description: 'a key to recover with, kept away from devices' }],
    examples: [
      'keys add "new laptop" --as bob',
      'keys add recovery --recovery --as bob',
      'keys add phone --dry-run --as bob',
    ],
    run: addKey,
  },
  {
    path: 'keys remove',
    what: '<key>',
    summary: 'remove a key: it can open nothing from then on',
    examples: [
      'keys remove Xk3v9QmA1b --as bob',
      'keys remove Xk3v9QmA1b --yes --as bob',
      'keys remove Xk3v9QmA1b --dry-run --as bob',
    ],
    run: removeKey,
  },
  {
    path: 'keys link',
    summary: 'let a browser join as one more device of yours',
    details: 'Shows a link for one browser, good for ten minutes, and waits until it was used.',
    examples: ['keys link --as bob', 'keys link --as alice', 'keys link --as bob --json'],
    run: linkDevice,
  },
]

async function linkDevice(context: Context): Promise<void> {
  const { output, terminal } = context
  const who = whoActs(context)
  const places = requireSystem(context.state)
  const opened = await doing('No link', () => openLink(context, who, places, LINK_SECONDS))
  output.note(`Open this once, within ten minutes:\n  ${opened.url}`)
  const stop = new AbortController()
  const stopListening = terminal.onInterrupt(() => stop.abort())
  let joined: string | undefined
  try {
    await approveJoins(context, [opened], places, {
      signal: stop.signal,
      onJoined: (_link, label) => (joined = label),
    })
  } finally {
    stopListening()
  }
  if (joined === undefined) throw new CommandError('INVITATION_UNKNOWN', { what: 'No device came with the link.' })
  output.result({ device: joined }, `${printable(joined)} is one more device of ${who.name}.`)
}

async function listKeys(context: Context): Promise<void> {
  await using(connectPatient(context), async ({ client, who }) => {
    const keys = await doing('Not listed', () => client.keys())
    const own = who.identity.signer.kid
    const rows = keys.map((key) => [
      key.removedMs === null ? 'active' : `removed ${formatDate(key.removedMs)}`,
      printable(key.label) + (key.kid === own ? ' (this key)' : ''),
      key.kind === 'recovery' ? 'recovery' : 'device',
      `since ${formatDate(key.addedMs)}`,
      key.by.how === 'identity-check' ? 'by the hospital, after an identity check' : '',
      key.kid.slice(0, SHOWN_CHARACTERS),
    ])
    context.output.list(
      keys.map((key) => ({ ...key, isThisKey: key.kid === own })),
      table(rows, 'No keys.'),
    )
  })
}

async function addKey(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const label = what[0] as string
  const kind = options['recovery'] === true ? 'recovery' : 'device'
  await using(connectPatient(context), async ({ client, who }) => {
    if (context.flags.dryRun === true) {
      context.output.result({ label, kind, dryRun: true }, `Would make a ${kind} key "${label}" and register it.`)
      return
    }
    const { crypto, state } = context
    const keys = createKeys(crypto)
    const signer = signerOf(crypto, keys.signingKey)
    const receipt = await doing('Not added', () =>
      client.addKey({ publicKey: signer.publicKey, sealKey: keys.sealKey.publicKey, label, kind }),
    )
    const as = { ref: client.ref, signer }
    const credential = await doing('Added, but the hospital gave no credential', () =>
      client.options.hospital.renewCredential(as),
    )
    const identity: Identity = {
      ...who.identity,
      signer,
      sealKey: keys.sealKey,
      credential: { kind: 'patient', jws: credential },
    }
    const hospital = who.hospital === undefined ? {} : { hospital: who.hospital }
    const slug = keepIdentity(state, crypto, keys, { identity, name: `${who.name} ${label}`, ...hospital })
    context.output.result(
      { as: slug, kid: signer.kid, label, kind, block: receipt.block },
      `The key "${label}" is registered, shared ledger block ${receipt.block}. Act with it:  --as ${slug}`,
    )
  })
}

async function removeKey(context: Context, what: readonly string[]): Promise<void> {
  const given = what[0] as string
  await using(connectPatient(context), async ({ client, who }) => {
    const kid = findKid(
      given,
      (await client.keys()).filter(({ removedMs }) => removedMs === null).map((key) => key.kid),
    )
    const isOwn = kid === who.identity.signer.kid
    const effect = `From the next request on, this key can open nothing.${isOwn ? ' It is the key you are using.' : ''}`
    if (context.flags.dryRun === true) {
      context.output.result({ kid, dryRun: true }, effect)
      return
    }
    await confirmStep(
      context,
      `Remove the key ${kid.slice(0, SHOWN_CHARACTERS)}?${isOwn ? ' It is the key you are using.' : ''}`,
    )
    const receipt = await doing('Not removed', () => client.removeKey(kid))
    context.output.result(
      { kid, block: receipt.block, txId: receipt.txId },
      `${effect}\nRemoved: shared ledger block ${receipt.block}.`,
    )
  })
}

function findKid(given: string, known: readonly Kid[]): Kid {
  const found = known.filter((kid) => kid.startsWith(given))
  const [only] = found
  if (only !== undefined && found.length === 1 && given.length >= 4) return only
  throw new CommandError('KEY_UNKNOWN', {
    reason: `${found.length} active keys begin with "${given}"`,
    next: 'trusthealth keys list',
  })
}
