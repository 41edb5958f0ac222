/**
 * What fabric-shim loads: the contract, the same class as in the embedded ledger, and beside it the reads for those who
 * trust no single node. `new` of each entry gives the contract; the first one is the default.
 *
 * @module
 */
import type { Context } from 'fabric-contract-api'
import { TrustHealthContract } from '../../../contract/src/index.ts'
import { LedgerError } from '../../../../shared/ledger-model/src/index.ts'
import { readSteadily, type SteadyReads } from './cached-state.ts'
import { checkProposalTime } from './proposal-time.ts'
import { dropUnwantedLogLines } from './quiet-logs.ts'
import { ReadsContract } from './reads.ts'
import { StateCache } from './state-cache.ts'

dropUnwantedLogLines()

const cache = new StateCache()

// Not a subclass: fabric-shim lists the methods of an object's own class as functions, and no others.
function Main(): TrustHealthContract {
  const contract = new TrustHealthContract()
  const reads = new WeakMap<Context, SteadyReads>()
  contract.beforeTransaction = async (ctx: Context) => {
    await checkProposalTime(ctx, Date.now())
    reads.set(ctx, readSteadily(ctx.stub, cache, ctx.clientIdentity.getMSPID()))
  }
  contract.afterTransaction = (ctx: Context) =>
    reads.get(ctx)?.isCold === true
      ? Promise.reject(new LedgerError('LEDGER_BUSY', 'LEDGER_BUSY: this process has only now read what it needs'))
      : Promise.resolve()
  return contract
}

function Reads(): ReadsContract {
  return new ReadsContract(new TrustHealthContract(), cache)
}

export const contracts = [Main, Reads]
