/**
 * What fabric-shim loads: the contract, the same class as in the embedded ledger, and beside it the reads for those who
 * trust no single node. `new` of each entry gives the contract; the first one is the default.
 *
 * @module
 */
import type { Context } from 'fabric-contract-api'
import { TrustHealthContract } from '../../../contract/src/index.ts'
import { checkProposalTime } from './proposal-time.ts'
import { dropUnwantedLogLines } from './quiet-logs.ts'
import { ReadsContract } from './reads.ts'

dropUnwantedLogLines()

// Not a subclass: fabric-shim lists the methods of an object's own class as functions, and no others.
function Main(): TrustHealthContract {
  const contract = new TrustHealthContract()
  contract.beforeTransaction = (ctx: Context) => checkProposalTime(ctx, Date.now())
  return contract
}

function Reads(): ReadsContract {
  return new ReadsContract(new TrustHealthContract())
}

export const contracts = [Main, Reads]
