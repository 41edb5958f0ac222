/**
 * `trusthealth app …`: apps and backend services of SMART App Launch. Staff register them; people say yes or no to what
 * an app asks for, with the key of this device.
 *
 * @module
 */
import { isPatientRef } from '../../../../shared/protocol/src/index.ts'
import type { AppRequest, NewApp } from '../../../sdk/src/hospital-answers/apps.ts'
import { confirmStep } from '../ask.ts'
import { doing, usageError } from '../command-error.ts'
import type { CommandRow, OptionValues } from '../command-row.ts'
import { connect, connectHospital, using } from '../connection.ts'
import type { Context } from '../context.ts'
import { readJsonFile } from '../files.ts'
import { requiredText, text, texts } from '../option-values.ts'
import { printable, table } from '../output.ts'
import { findPatient, partiesOf } from '../parties.ts'

const KINDS: readonly string[] = ['backend', 'confidential', 'public']

export const APP_COMMANDS: readonly CommandRow[] = [
  {
    path: 'app register',
    what: '<name>',
    summary: 'register an app or a backend service with the hospital',
    options: [
      { flags: '--kind <kind>', description: 'backend, confidential or public' },
      { flags: '--scope <scope>', description: 'the most it may ask for; may be repeated', repeatable: true },
      { flags: '--redirect <address>', description: 'of an app; may be repeated', repeatable: true },
      { flags: '--keys <file>', description: 'its public keys, a JSON Web Key Set' },
    ],
    examples: [
      'app register Warehouse --kind backend --scope system/*.rs --keys jwks.json',
      'app register Growth --kind public --scope patient/*.rs --redirect https://app.example/',
      'app register Warehouse --kind backend --scope system/*.rs --keys jwks.json --json',
    ],
    run: registerApp,
  },
  {
    path: 'app list',
    summary: 'list the apps that are registered',
    examples: ['app list --as hospital-a', 'app list --as hospital-a --json', 'app list --as hospital-b'],
    run: listApps,
  },
  {
    path: 'app remove',
    what: '<id>',
    summary: 'remove an app: from then on it can do nothing',
    examples: [
      'app remove app-0f3a --as hospital-a',
      'app remove app-0f3a --yes --as hospital-a',
      'app remove app-0f3a --as hospital-a --json',
    ],
    run: removeApp,
  },
  {
    path: 'app approve',
    what: '<code>',
    summary: 'say yes to the app that shows this code',
    options: [
      { flags: '--patient <name>', description: 'of a doctor: whose records the app sees' },
      { flags: '--scope <scope>', description: 'only this of what it asks for; may be repeated', repeatable: true },
    ],
    examples: [
      'app approve KHC8ZMJ2ATHJ --as bob',
      'app approve KHC8ZMJ2ATHJ --patient bob --as alice',
      'app approve KHC8ZMJ2ATHJ --dry-run --as bob',
    ],
    run: approveApp,
  },
  {
    path: 'app refuse',
    what: '<code>',
    summary: 'say no to the app that shows this code',
    examples: [
      'app refuse KHC8ZMJ2ATHJ --as bob',
      'app refuse KHC8ZMJ2ATHJ --as alice',
      'app refuse KHC8ZMJ2ATHJ --as bob --json',
    ],
    run: refuseApp,
  },
]

async function registerApp(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const kind = requiredText(options, 'kind', '--kind', 'The kind of app')
  if (!KINDS.includes(kind)) throw usageError('--kind is backend, confidential or public.')
  const scopes = texts(options, 'scope')
  if (scopes === undefined) throw usageError('What may it ask for? --scope is missing.', '--scope "patient/*.rs"')
  const redirectUris = texts(options, 'redirect')
  const keys = text(options, 'keys')
  const jwks = keys === undefined ? undefined : (readJsonFile(keys) as NonNullable<NewApp['jwks']> | undefined)
  const app: NewApp = {
    kind: kind as NewApp['kind'],
    name: what[0] as string,
    scopes,
    ...(redirectUris === undefined ? {} : { redirectUris }),
    ...(jwks === undefined ? {} : { jwks: { keys: jwks.keys } }),
  }
  await using(connectHospital(context), async ({ client }) => {
    const registered = await doing('Not registered', () =>
      client.options.hospital.registerApp(client.requestSigner, app),
    )
    context.output.result(registered, `${printable(app.name)} is registered. Its client id:  ${registered.clientId}`)
  })
}

async function listApps(context: Context): Promise<void> {
  await using(connectHospital(context), async ({ client }) => {
    const apps = await doing('Not listed', () => client.options.hospital.apps(client.requestSigner))
    const rows = apps.map(({ clientId, kind, name, scopes }) => [printable(name), kind, scopes.join(' '), clientId])
    context.output.list(apps, table(rows, 'No apps.'))
  })
}

async function removeApp(context: Context, what: readonly string[]): Promise<void> {
  const clientId = what[0] as string
  await using(connectHospital(context), async ({ client }) => {
    await confirmStep(context, `Remove ${clientId}? What it holds now opens nothing any more.`)
    await doing('Not removed', () => client.options.hospital.removeApp(client.requestSigner, clientId))
    context.output.result({ clientId, removed: true }, `Removed ${clientId}.`)
  })
}

async function approveApp(context: Context, what: readonly string[], options: OptionValues): Promise<void> {
  const code = codeOf(what)
  const scopes = texts(options, 'scope')
  await using(connect(context), async (connection) => {
    const { client } = connection
    const { hospital } = client.options
    const asked = await doing('Not approved', () => hospital.appRequest(client.requestSigner, code))
    const given = text(options, 'patient')
    const patient = given === undefined ? undefined : await findPatient(partiesOf(context, connection), given)
    if (asked.needsPatient && patient === undefined && !isPatientRef(client.identity.ref)) {
      throw usageError('Whose records? The patient is missing.', '--patient NAME')
    }
    const question = requestText(asked, scopes)
    if (context.flags.dryRun === true) {
      context.output.result({ ...asked, dryRun: true }, question)
      return
    }
    await confirmStep(context, `${question} Go on?`)
    const chosen = { ...(scopes === undefined ? {} : { scopes }), ...(patient === undefined ? {} : { patient }) }
    await doing('Not approved', () => hospital.decideApp(client.requestSigner, code, 'approve', chosen))
    context.output.result({ ...asked, approved: true }, `${printable(asked.app.name)} goes on by itself.`)
  })
}

async function refuseApp(context: Context, what: readonly string[]): Promise<void> {
  const code = codeOf(what)
  await using(connect(context), async ({ client }) => {
    await doing('Not refused', () => client.options.hospital.decideApp(client.requestSigner, code, 'refuse'))
    context.output.result({ code, refused: true }, 'Refused. Nothing was given.')
  })
}

function requestText({ app, scopes, patient }: AppRequest, chosen: readonly string[] | undefined): string {
  const whose = patient === undefined ? '' : ` of ${printable(patient.name)}`
  const given = (chosen ?? scopes).map(printable).join(', ')
  return `${printable(app.name)} at ${printable(app.redirectHost)} gets${whose}: ${given}.`
}

function codeOf(what: readonly string[]): string {
  return (what[0] as string).replaceAll(/[\s-]/g, '').toUpperCase()
}
