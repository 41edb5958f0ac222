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
    const genesis = configurationOf(operator, [])
    writePrivateFile(path, encodeConfiguration(genesis))
  }
  return path
}

export function readGenesis(context: Pick<Context, 'state'>): Uint8Array | undefined {
  const path = genesisFile(context)
  return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined
}

/** Lets each hospital join that is not a member yet, in order. */
export async function joinHospitals(
  { crypto, output }: Context,
  ledgerUrl: string,
  operator: Operator,
  hospitals: readonly { readonly name: string; readonly organization: Organization }[],
): Promise<void> {
  const members = new Set(await ledgerMembers(ledgerUrl))
  for (const [i, { name, organization }] of hospitals.entries()) {
    if (members.has(organization.mspId)) continue
    const before = hospitals.slice(0, i).map((one) => one.organization)
    const configuration = encodeConfiguration(configurationOf(operator, [...before, organization]))
    const signers = [operator.organization, ...before, organization]
    const signatures = signers.map(({ admin }) => signConfiguration(crypto, admin, configuration))
    await configure(ledgerUrl, encodeConfigurationUpdate({ configuration, signatures }))
    output.detail(`${name} joined the shared ledger: ${signers.length} organisations signed.`)
  }
}

/** One node of one operator: every configuration has the same nodes and quorum. */
function configurationOf(operator: Operator, hospitals: readonly Organization[]): ChannelConfiguration {
  const nodes = [{ mspId: operator.organization.mspId, publicKey: operator.nodeKey.publicKey }]
  return {
    channel: CHANNEL,
    sequence: hospitals.length,
    organizations: [operator.organization, ...hospitals].map(({ mspId, authority }) => ({
      mspId,
      roots: [authority.root],
    })),
    nodes,
    quorum: majorityQuorum(nodes),
  }
}

async function ledgerMembers(ledgerUrl: string): Promise<readonly string[]> {
  const response = await fetch(`${ledgerUrl}/v1/status`)
  return ((await response.json()) as { organizations: readonly string[] }).organizations
}

async function configure(ledgerUrl: string, update: Uint8Array): Promise<void> {
  const response = await fetch(`${ledgerUrl}/v1/configurations`, {
    method: 'POST',
    headers: { 'content-type': 'application/cbor' },
    body: new Uint8Array(update),
  })
  if (response.ok) return
  const { code } = (await response.json()) as { code?: unknown }
  throw new CommandError(isErrorCode(code) ? code : 'LEDGER_UNAVAILABLE')
}
