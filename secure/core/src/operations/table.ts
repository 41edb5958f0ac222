/**
 * Every operation of the host, by what it is for. Their wire contracts are rows of shared/tee-abi/src/ops.ts.
 * Spec: docs/protocol/10-tee-abi.md §10.2.
 *
 * @module
 */
import type { AbiOpName } from '../../../../shared/tee-abi/src/index.ts'
import { evidenceOperations } from './evidence.ts'
import { followOperations } from './follow.ts'
import type { Context, Handlers } from './handlers.ts'
import { ledgerOperations } from './ledger.ts'
import { operatorOperations } from './operator.ts'
import { replicaOperations } from './replica.ts'
import { restoreOperations } from './restore.ts'
import { sessionOperations } from './sessions.ts'

export function operationsOf(context: Context): Handlers<AbiOpName> {
  return {
    ...sessionOperations(context),
    ...ledgerOperations(context),
    ...operatorOperations(context),
    ...evidenceOperations(context),
    ...replicaOperations(context),
    ...followOperations(context),
    ...restoreOperations(context),
  }
}
