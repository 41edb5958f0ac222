/**
 * Runs contract functions on the committed state, as Fabric's endorsers do: the same class, its own stub and client
 * identity. Nothing is written; the read and write sets say what a commit would mean.
 *
 * @module
 */
// oxlint-disable-next-line import/no-unassigned-import -- takes off what loading the contract's base class hangs on the process
import './contract-api-handlers.ts'
import type { Context } from 'fabric-contract-api'
import type { TrustHealthContract } from '../../contract/src/index.ts'
import { encodePem, encodeUtf8 } from '../../../shared/crypto/src/index.ts'
import {
  findContractFunction,
  findLedgerErrorCode,
  LedgerError,
  type LedgerEvent,
  type Member,
  type StateWrite,
} from '../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../shared/protocol/src/index.ts'
import { EmbeddedStub, type ReadSet } from './chaincode-stub.ts'
import type { LedgerStore } from './store.ts'

export interface SimulatedCall {
  readonly txId: TxId
  readonly timeMs: number
  readonly fn: string
  readonly args: readonly string[]
  readonly caller: Member
}

export interface Simulation {
  readonly result: string
  readonly event: LedgerEvent | null
  readonly reads: ReadSet
  readonly writes: readonly StateWrite[]
}

type Method = (ctx: Context, ...args: readonly string[]) => Promise<string>

/**
 * All awaits inside are of settled promises, so no block is committed between two reads of one call.
 * @throws {LedgerError} the refusal of the function; `LEDGER_FAULT` for anything else that it throws.
 */
export async function simulate(
  contract: TrustHealthContract,
  store: LedgerStore,
  call: SimulatedCall,
): Promise<Simulation> {
  const row = findContractFunction(call.fn)
  if (row === undefined) throw new LedgerError('LEDGER_UNKNOWN_FUNCTION', 'the contract has no such function')
  if (row.args.length !== call.args.length) throw new LedgerError('LEDGER_BAD_ARGUMENT', 'wrong number of arguments')
  const stub = new EmbeddedStub(store, call.txId, call.timeMs)
  const ctx = contract.createContext()
  ctx.stub = stub as unknown as Context['stub']
  ctx.clientIdentity = identityOf(call.caller) as unknown as Context['clientIdentity']
  const method = (contract as unknown as Readonly<Record<string, Method>>)[call.fn] as Method
  try {
    const result = await method.call(contract, ctx, ...call.args)
    return { result, event: stub.event, reads: stub.reads, writes: stub.writes }
  } catch (error) {
    throw refusalOf(error)
  }
}

/** Certificates as Fabric's client identity gives them; the same few members propose nearly everything. */
const pems = new WeakMap<Member, Uint8Array>()

function pemOf(member: Member): Uint8Array {
  let pem = pems.get(member)
  if (pem === undefined) {
    pem = encodeUtf8(encodePem('CERTIFICATE', member.certificate.der))
    pems.set(member, pem)
  }
  return pem
}

/** Fabric's ClientIdentity, of a certificate that was checked. */
function identityOf(member: Member) {
  const { mspId, certificate } = member
  return {
    getMSPID: () => mspId as string,
    getIDBytes: () => pemOf(member),
    getAttributeValue: (name: string) => certificate.attributes[name] ?? null,
  }
}

/** The code in the message, which is all that Fabric would carry. */
function refusalOf(error: unknown): LedgerError {
  const message = error instanceof Error ? error.message : ''
  const code = findLedgerErrorCode(message)
  if (code !== undefined) return new LedgerError(code, message.slice(code.length + 2))
  return new LedgerError('LEDGER_FAULT', 'a contract function failed', { cause: error })
}
