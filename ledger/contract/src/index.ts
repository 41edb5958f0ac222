/**
 * The smart contract as Hyperledger Fabric and the embedded ledger load it: one method for each function, and the way
 * from Fabric's stub and client identity to what `runFunction` takes. Decisions are in transactions/.
 *
 * Without decorators: Fabric takes the methods of the prototype and their numbers of parameters, so each is written out.
 * A refusal is an `Error` whose message starts with its code and a colon, because Fabric carries nothing else.
 *
 * @module
 */
import { type Context, Contract } from 'fabric-contract-api'
import { type Crypto, decodePem, decodeUtf8, encodeUtf8, parseCertificate } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import {
  type ContractFunctionName,
  LedgerError,
  markOf,
  parseRef,
  parseRole,
  rangeEnd,
  REF_ATTRIBUTE,
  ROLE_ATTRIBUTE,
} from '../../../shared/ledger-model/src/index.ts'
import type { MspId, TxId } from '../../../shared/protocol/src/index.ts'
import type { Caller, ContractCall, HistoricValue, StatePage, WorldState } from './call.ts'
import { runFunction, unknownFunction } from './run.ts'

export { runFunction } from './run.ts'
export type * from './call.ts'

const MAX_CACHED_SERIALS = 4_096

export class TrustHealthContract extends Contract {
  readonly #crypto: Crypto
  /** Serial numbers by certificate text; reading one costs more than most functions. */
  readonly #serials = new Map<string, string>()

  /** Fabric makes it without arguments. */
  constructor(crypto: Crypto = createNodeCrypto()) {
    super('trusthealth')
    this.#crypto = crypto
  }

  create(
    ctx: Context,
    patientRef: string,
    createTime: string,
    status: string,
    ehrType: string,
    ehrHash: string,
    hospitals: string,
  ) {
    return this.#run(ctx, 'create', [patientRef, createTime, status, ehrType, ehrHash, hospitals])
  }
  query(ctx: Context, patientRef: string) {
    return this.#run(ctx, 'query', [patientRef])
  }
  update(
    ctx: Context,
    patientRef: string,
    updateTime: string,
    status: string,
    ehrType: string,
    newEhrHash: string,
    hospitals: string,
  ) {
    return this.#run(ctx, 'update', [patientRef, updateTime, status, ehrType, newEhrHash, hospitals])
  }
  history(ctx: Context, patientRef: string) {
    return this.#run(ctx, 'history', [patientRef])
  }
  registerParticipant(ctx: Context, participant: string) {
    return this.#run(ctx, 'registerParticipant', [participant])
  }
  renewParticipant(ctx: Context, participant: string) {
    return this.#run(ctx, 'renewParticipant', [participant])
  }
  suspendParticipant(ctx: Context, ref: string, reason: string) {
    return this.#run(ctx, 'suspendParticipant', [ref, reason])
  }
  reinstateParticipant(ctx: Context, ref: string, reason: string) {
    return this.#run(ctx, 'reinstateParticipant', [ref, reason])
  }
  participant(ctx: Context, ref: string) {
    return this.#run(ctx, 'participant', [ref])
  }
  setMeasurements(ctx: Context, serverRef: string, measurements: string) {
    return this.#run(ctx, 'setMeasurements', [serverRef, measurements])
  }
  revokeCertificate(ctx: Context, serialHex: string, reason: string) {
    return this.#run(ctx, 'revokeCertificate', [serialHex, reason])
  }
  organizationPolicy(ctx: Context, mspId: string) {
    return this.#run(ctx, 'organizationPolicy', [mspId])
  }
  organizationPolicyUnless(ctx: Context, mspId: string, digest: string) {
    return this.#run(ctx, 'organizationPolicyUnless', [mspId, digest])
  }
  approveProgram(ctx: Context, measurement: string, securityVersion: string) {
    return this.#run(ctx, 'approveProgram', [measurement, securityVersion])
  }
  withdrawProgram(ctx: Context, measurement: string) {
    return this.#run(ctx, 'withdrawProgram', [measurement])
  }
  program(ctx: Context, measurement: string) {
    return this.#run(ctx, 'program', [measurement])
  }
  approveSuccession(ctx: Context, serverRef: string, succession: string) {
    return this.#run(ctx, 'approveSuccession', [serverRef, succession])
  }
  withdrawSuccession(ctx: Context, serverRef: string, term: string) {
    return this.#run(ctx, 'withdrawSuccession', [serverRef, term])
  }
  succession(ctx: Context, serverRef: string) {
    return this.#run(ctx, 'succession', [serverRef])
  }
  setRetention(ctx: Context, days: string) {
    return this.#run(ctx, 'setRetention', [days])
  }
  retention(ctx: Context, mspId: string) {
    return this.#run(ctx, 'retention', [mspId])
  }
  releaseRecord(ctx: Context, recordId: string, reason: string) {
    return this.#run(ctx, 'releaseRecord', [recordId, reason])
  }
  retainedUntil(ctx: Context, places: string) {
    return this.#run(ctx, 'retainedUntil', [places])
  }
  addKey(ctx: Context, statement: string) {
    return this.#run(ctx, 'addKey', [statement])
  }
  removeKey(ctx: Context, statement: string) {
    return this.#run(ctx, 'removeKey', [statement])
  }
  rekeyPatient(ctx: Context, patientRef: string, key: string, staffRef: string) {
    return this.#run(ctx, 'rekeyPatient', [patientRef, key, staffRef])
  }
  keysOf(ctx: Context, patientRef: string) {
    return this.#run(ctx, 'keysOf', [patientRef])
  }
  recordWarrant(ctx: Context, record: string) {
    return this.#run(ctx, 'recordWarrant', [record])
  }
  revokeWarrant(ctx: Context, revocation: string) {
    return this.#run(ctx, 'revokeWarrant', [revocation])
  }
  warrant(ctx: Context, jti: string) {
    return this.#run(ctx, 'warrant', [jti])
  }
  grant(ctx: Context, grant: string) {
    return this.#run(ctx, 'grant', [grant])
  }
  revokeGrant(ctx: Context, revocation: string) {
    return this.#run(ctx, 'revokeGrant', [revocation])
  }
  grantsOf(ctx: Context, patientRef: string, bookmark: string) {
    return this.#run(ctx, 'grantsOf', [patientRef, bookmark])
  }
  patientPolicy(ctx: Context, patientRefs: string) {
    return this.#run(ctx, 'patientPolicy', [patientRefs])
  }
  commit(ctx: Context, batchId: string, groups: string) {
    return this.#run(ctx, 'commit', [batchId, groups])
  }
  commitment(ctx: Context, batchId: string, index: string) {
    return this.#run(ctx, 'commitment', [batchId, index])
  }
  commitments(ctx: Context, places: string) {
    return this.#run(ctx, 'commitments', [places])
  }
  commitmentLeaves(ctx: Context, places: string) {
    return this.#run(ctx, 'commitmentLeaves', [places])
  }
  batch(ctx: Context, batchId: string) {
    return this.#run(ctx, 'batch', [batchId])
  }
  anchorCheckpoint(ctx: Context, serverRef: string, checkpoint: string, epoch: string, signature: string) {
    return this.#run(ctx, 'anchorCheckpoint', [serverRef, checkpoint, epoch, signature])
  }
  checkpoint(ctx: Context, serverRef: string) {
    return this.#run(ctx, 'checkpoint', [serverRef])
  }
  checkpointHistory(ctx: Context, serverRef: string, bookmark: string) {
    return this.#run(ctx, 'checkpointHistory', [serverRef, bookmark])
  }
  reportMisuse(ctx: Context, report: string) {
    return this.#run(ctx, 'reportMisuse', [report])
  }
  misuseOf(ctx: Context, ref: string) {
    return this.#run(ctx, 'misuseOf', [ref])
  }

  override unknownTransaction(): Promise<void> {
    return Promise.reject(contractError(unknownFunction()))
  }

  async #run(ctx: Context, name: ContractFunctionName, args: readonly string[]): Promise<string> {
    try {
      const { result, event } = await runFunction(this.#callOf(ctx), name, args)
      if (event !== undefined) ctx.stub.setEvent(event.name, encodeUtf8(event.payload))
      return result
    } catch (error) {
      throw error instanceof LedgerError ? contractError(error) : error
    }
  }

  #callOf(ctx: Context): ContractCall {
    return {
      crypto: this.#crypto,
      state: stateOf(ctx),
      tx: {
        txId: ctx.stub.getTxID() as TxId,
        timeMs: ctx.stub.getDateTimestamp().getTime(),
        caller: this.#callerOf(ctx),
      },
    }
  }

  #callerOf({ clientIdentity }: Context): Caller {
    return {
      mspId: clientIdentity.getMSPID() as MspId,
      role: parseRole(clientIdentity.getAttributeValue(ROLE_ATTRIBUTE)),
      ref: parseRef(clientIdentity.getAttributeValue(REF_ATTRIBUTE)),
      certSerial: this.#serialOf(decodeUtf8(clientIdentity.getIDBytes())),
    }
  }

  #serialOf(pem: string): string {
    const known = this.#serials.get(pem)
    if (known !== undefined) return known
    const [der] = decodePem('CERTIFICATE', pem)
    if (der === undefined) throw new LedgerError('LEDGER_IDENTITY_REJECTED', 'the caller has no certificate')
    const serial = parseCertificate(der).serialHex
    if (this.#serials.size >= MAX_CACHED_SERIALS) this.#serials.clear()
    this.#serials.set(pem, serial)
    return serial
  }
}

function contractError(error: LedgerError): Error {
  return new Error(`${error.code}: ${error.message}`, { cause: error })
}

/** What a stub may have beside Fabric's own functions: `WorldState.getSteady` of its process. */
export interface SteadyStub {
  getSteadyState?(key: string): Promise<Uint8Array>
}

function stateOf({ stub }: { readonly stub: Context['stub'] & SteadyStub }): WorldState {
  const mark = async (key: string): Promise<void> => {
    const name = markOf(key)
    if (name !== undefined) await stub.putState(name, encodeUtf8(stub.getTxID()))
  }
  const textOf = (value: Uint8Array) => (value.length === 0 ? undefined : decodeUtf8(value))
  return {
    get: async (key) => textOf(await stub.getState(key)),
    getSteady: async (key) => textOf(await (stub.getSteadyState?.(key) ?? stub.getState(key))),
    async put(key, value) {
      await stub.putState(key, encodeUtf8(value))
      await mark(key)
    },
    add: (key, value) => stub.putState(key, encodeUtf8(value)),
    async delete(key) {
      await stub.deleteState(key)
      await mark(key)
    },
    async range(prefix, bookmark, limit): Promise<StatePage> {
      // An empty range has no metadata on Fabric, whatever its types say.
      const { iterator, metadata } = await stub.getStateByRangeWithPagination(prefix, rangeEnd(prefix), limit, bookmark)
      const items: { key: string; value: string }[] = []
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        items.push({ key: next.value.key, value: decodeUtf8(next.value.value) })
      }
      // Not closed: one that is at its end has nothing left at the peer.
      return { items, bookmark: (metadata as typeof metadata | undefined)?.bookmark ?? '' }
    },
    async history(key) {
      const values: HistoricValue[] = []
      for await (const change of stub.getHistoryForKey(key) as unknown as AsyncIterable<KeyModification>) {
        if (change.isDelete) continue
        const timeMs = Number(change.timestamp.seconds) * 1_000 + Math.floor(change.timestamp.nanos / 1_000_000)
        values.push({ txId: change.txId as TxId, timeMs, value: decodeUtf8(change.value) })
      }
      // Fabric gives the newest first.
      return values.reverse()
    },
  }
}

/** As fabric-shim hands it out; its own type needs the types of the package `long`. */
interface KeyModification {
  readonly isDelete: boolean
  readonly value: Uint8Array
  readonly txId: string
  readonly timestamp: { readonly seconds: object | number; readonly nanos: number }
}
