/**
 * The shared ledger's configuration: block 0 with the operator alone, then one configuration block for each hospital
 * that joins, signed by a majority of the members and by the one that joins.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Organization } from '../../../../hospital/src/index.ts'
import {
  decodeConfiguration,
  decodeConfigurationUpdate,
  encodeConfiguration,
  encodeConfigurationUpdate,
  majorityQuorum,
  signConfiguration,
  type ChannelConfiguration,
} from '../../../../shared/ledger-model/src/index.ts'
import { isErrorCode } from '../../../../shared/protocol/src/index.ts'
import { CommandError } from '../command-error.ts'
import type { Context } from '../context.ts'
import { writePrivateFile } from '../files.ts'
import type { Operator } from './operator.ts'

export const CHANNEL = 'trusthealth'

export function genesisFile({ state }: Pick<Context, 'state'>): string {
  return join(state.root, 'consortium', 'genesis.cbor')
}

/** Written once; block 0 must be this. */
export function ensureGenesis(context: Context, operator: Operator): string {
  const path = genesisFile(context)
  if (!existsSync(path)) {
    writePrivateFile(path, encodeConfiguration(genesisOf(operator)))
  }
  return path
}

export function readGenesis(context: Pick<Context, 'state'>): Uint8Array | undefined {
  const path = genesisFile(context)
  return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined
}

/** The configuration in force. @throws {CommandError} `LEDGER_UNAVAILABLE` */
export async function configurationInForce({ crypto }: Context, ledgerUrl: string): Promise<ChannelConfiguration> {
  const newest = (await configurationUpdates(ledgerUrl, 0)).at(-1)
  if (newest === undefined) throw new CommandError('LEDGER_UNAVAILABLE')
  return decodeConfiguration(crypto, decodeConfigurationUpdate(newest).configuration)
}

/** The updates from a sequence on, as the ledger took them. */
export async function configurationUpdates(ledgerUrl: string, from: number): Promise<Uint8Array[]> {
  const updates: Uint8Array[] = []
  for (let sequence = from; ; sequence++) {
    const response = await ask(`${ledgerUrl}/v1/configurations/${sequence}`)
    if (response.status === 404) return updates
    if (!response.ok) throw new CommandError('LEDGER_UNAVAILABLE')
    updates.push(new Uint8Array(await response.arrayBuffer()))
  }
}

/**
 * Lets each hospital join that is not a member yet, in order. All administrators whose keys are here sign: those of
 * members, and that of the one who joins.
 */
export async function joinHospitals(
  context: Context,
  ledgerUrl: string,
  operator: Operator,
  hospitals: readonly { readonly name: string; readonly organization: Organization }[],
): Promise<void> {
  const { crypto, output } = context
  const here = [operator.organization, ...hospitals.map(({ organization }) => organization)]
  let inForce = await configurationInForce(context, ledgerUrl)
  for (const { name, organization } of hospitals) {
    const { mspId, authority } = organization
    const members = new Set(inForce.organizations.map((member) => member.mspId))
    if (members.has(mspId)) continue
    const { sequence, organizations } = inForce
    const joined = { mspId, roots: [authority.root] }
    const next = { ...inForce, sequence: sequence + 1, organizations: [...organizations, joined] }
    const configuration = encodeConfiguration(next)
    const signers = here.filter((one) => one === organization || members.has(one.mspId))
    const signatures = signers.map(({ admin }) => signConfiguration(crypto, admin, configuration))
    await configure(ledgerUrl, encodeConfigurationUpdate({ configuration, signatures }))
    output.detail(`${name} joined the shared ledger: ${signers.length} organisations signed.`)
    inForce = next
  }
}

/** One node of one operator: every configuration has the same nodes and quorum. */
function genesisOf({ organization, nodeKey }: Operator): ChannelConfiguration {
  const { mspId, authority } = organization
  const nodes = [{ mspId, publicKey: nodeKey.publicKey }]
  const organizations = [{ mspId, roots: [authority.root] }]
  return { channel: CHANNEL, sequence: 0, organizations, nodes, quorum: majorityQuorum(nodes) }
}

async function configure(ledgerUrl: string, update: Uint8Array): Promise<void> {
  const response = await ask(`${ledgerUrl}/v1/configurations`, {
    method: 'POST',
    headers: { 'content-type': 'application/cbor' },
    body: new Uint8Array(update),
  })
  if (response.ok) return
  const { code } = (await response.json()) as { code?: unknown }
  throw new CommandError(isErrorCode(code) ? code : 'LEDGER_UNAVAILABLE')
}

async function ask(url: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    throw new CommandError('LEDGER_UNAVAILABLE', { cause })
  }
}
