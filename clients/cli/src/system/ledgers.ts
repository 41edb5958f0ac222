/**
 * The two ledgers that a system can have. Chosen at the first start; `consortium.json` says which one it is.
 *
 * @module
 */
import { encodeBase64url } from '../../../../shared/crypto/src/index.ts'
import { usageError } from '../command-error.ts'
import type { OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { text } from '../option-values.ts'
import type { Consortium } from '../system-file.ts'
import { fabricLedger } from './fabric-ledger.ts'
import { configurationInForce, configurationUpdates, ensureGenesis, joinHospitals } from './ledger-setup.ts'
import type { Operator } from './operator.ts'
import { ledgerProgram } from './programs.ts'
import type { SystemLedger } from './system-ledger.ts'

export const LEDGERS = ['embedded', 'fabric'] as const
export type LedgerKind = (typeof LEDGERS)[number]

export function systemLedger(kind: LedgerKind, context: Context, operator: Operator): SystemLedger {
  return kind === 'fabric' ? fabricLedger(context, operator) : embeddedLedger(context, operator)
}

export function ledgerKindOf({ fabric }: Pick<Consortium, 'fabric'>): LedgerKind {
  return fabric === undefined ? 'embedded' : 'fabric'
}

/** `--ledger`. @throws {CommandError} `CLIENT_USAGE` */
export function ledgerOption(options: OptionValues): LedgerKind | undefined {
  const given = text(options, 'ledger')
  const kind = LEDGERS.find((one) => one === given)
  if (given === undefined || kind !== undefined) return kind
  throw usageError(`"${given}" is no kind of ledger.`, `--ledger ${LEDGERS.join(' or --ledger ')}`)
}

/** One node, the operator's; hospitals join by updates that the members sign. */
function embeddedLedger(context: Context, operator: Operator): SystemLedger {
  return {
    facts: () => ({
      nodes: [{ mspId: operator.organization.mspId, publicKey: encodeBase64url(operator.nodeKey.publicKey) }],
      quorum: 1,
    }),
    program: async (_consortium, port) =>
      ledgerProgram(context.state, operator.nodeKeyFile, ensureGenesis(context, operator), await port()),
    configuration: (_consortium, location) => configurationInForce(context, location),
    updates: configurationUpdates,
    join: (_consortium, location, hospitals) => joinHospitals(context, location, operator, hospitals),
  }
}
