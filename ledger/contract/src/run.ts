/**
 * Runs one function: that it exists, its number of arguments, that the caller's certificate is not revoked and its role
 * may call; then the function. Spec: docs/protocol/07-ledger.md §7.2.
 *
 * @module
 */
import {
  type ContractFunctionName,
  findContractFunction,
  LedgerError,
  stateKeys,
} from '../../../shared/ledger-model/src/index.ts'
import { badArgument } from './arguments.ts'
import type { ContractCall, ContractFunction, Outcome } from './call.ts'
import { forbidden } from './callers.ts'
import { FUNCTIONS } from './functions.ts'

/** @throws {LedgerError} with a code of 07 §7.2; whatever else is thrown is a fault of the contract. */
export async function runFunction(call: ContractCall, name: string, args: readonly string[]): Promise<Outcome> {
  const row = findContractFunction(name)
  if (row === undefined) throw unknownFunction()
  if (args.length !== row.args.length) throw badArgument('the number of arguments')
  const { mspId, certSerial, role } = call.tx.caller
  // Also part of the read set: a revocation in the same block beats the transaction.
  if ((await call.state.get(stateKeys.revokedCertificate(mspId, certSerial))) !== undefined) {
    throw new LedgerError('LEDGER_IDENTITY_REJECTED', 'the certificate is revoked')
  }
  if (row.roles !== 'members' && (role === undefined || !row.roles.includes(role))) throw forbidden()
  const run: ContractFunction = FUNCTIONS[name as ContractFunctionName]
  return run(call, ...args)
}

export function unknownFunction(): LedgerError {
  return new LedgerError('LEDGER_UNKNOWN_FUNCTION', 'the contract has no such function')
}
