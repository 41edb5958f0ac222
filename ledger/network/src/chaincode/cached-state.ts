/**
 * Reading the world state with the help of what the process remembers. Two ways: for reads that are evaluated and never
 * written, and for transactions, whose read sets must be the same at every endorser whatever its process remembers.
 *
 * A peer shows one proposal one state, however long it takes, so marks and values that one proposal reads fit together.
 * Spec: docs/protocol/07-ledger.md §7.9.
 *
 * @module
 */
import type { Context } from 'fabric-contract-api'
import { decodeUtf8 } from '../../../../shared/crypto/src/index.ts'
import { MARK_PREFIX, markOf, rangeEnd, stateKeys } from '../../../../shared/ledger-model/src/index.ts'
import type { MspId, ParticipantRef } from '../../../../shared/protocol/src/index.ts'
import type { SteadyStub } from '../../../contract/src/index.ts'
import type { StateCache } from './state-cache.ts'

export type Stub = Context['stub']

/** So many marks are read one by one, more as a range. */
const FEW_MARKS = 3
/** So many values are read one by one, more with the list of the caller's organisation. */
const FEW_MISSING = 8
const MAX_MEMBERS = 20_000
/** Batches never change. */
const BATCH_PREFIX = 'batch/'
const PARTICIPANT_PREFIX = 'participant/'
const NEVER_CHANGES = 'for ever'

/** A view of `stub` for functions that only read: values from memory where their marks stand, each key asked for once. */
export function readThrough(stub: Stub, cache: StateCache): Stub {
  const channel = stub.getChannelID()
  const marks = new Marks(stub)
  const asked = new Map<string, Promise<Uint8Array>>()

  const ask = async (key: string): Promise<Uint8Array> => {
    if (key.startsWith(BATCH_PREFIX)) return await remembered(key, NEVER_CHANGES)
    const name = markOf(key)
    return name === undefined ? await stub.getState(key) : await remembered(key, await marks.read(name))
  }
  const remembered = async (key: string, mark: string): Promise<Uint8Array> => {
    const known = cache.find(channel, key, mark)
    if (known !== undefined) return known
    const value = await stub.getState(key)
    if (value.length > 0 || mayBeRememberedAsAbsent(key)) cache.keep(channel, key, mark, value)
    return value
  }
  const getState = (key: string): Promise<Uint8Array> => {
    const answer = asked.get(key) ?? ask(key)
    asked.set(key, answer)
    return answer
  }
  return Object.assign(Object.create(stub) as Stub, { getState })
}

/** What a transaction reads with `getSteadyState`. */
export interface SteadyReads {
  /** Whether the read set has more than marks because this process did not remember everything. */
  readonly isCold: boolean
}

/**
 * Gives `stub` a function more: `getSteadyState` reads a key's mark into the read set and takes the value from memory. What
 * is not there is read, and then this endorsement must be refused: another endorser's would differ. The next one finds it.
 * @param mspId organisation whose participants are read together when many are missing.
 */
export function readSteadily(stub: Stub & SteadyStub, cache: StateCache, mspId: string): SteadyReads {
  const channel = stub.getChannelID()
  const marks = new Map<string, Promise<string>>()
  let missing = 0
  let members: Promise<void> | undefined

  const markAt = (name: string): Promise<string> => {
    const mark = marks.get(name) ?? stub.getState(name).then(decodeUtf8)
    marks.set(name, mark)
    return mark
  }
  const getSteadyState = async (key: string): Promise<Uint8Array> => {
    const name = markOf(key)
    if (name === undefined) return await stub.getState(key)
    const mark = await markAt(name)
    const known = cache.find(channel, key, mark)
    if (known !== undefined) return known
    if (++missing > FEW_MISSING) {
      members ??= rememberMembers(stub, cache, mspId)
      await members
      const found = cache.find(channel, key, mark)
      if (found !== undefined) return found
    }
    const value = await stub.getState(key)
    if (value.length > 0 || mayBeRememberedAsAbsent(key)) cache.keep(channel, key, mark, value)
    return value
  }
  // On the stub itself: what the contract sets there, its library reads.
  stub.getSteadyState = getSteadyState
  return {
    get isCold() {
      return missing > 0
    },
  }
}

/** Marks of one proposal's state. */
class Marks {
  readonly #stub: Stub
  readonly #read = new Map<string, Promise<string>>()
  #all: Promise<ReadonlyMap<string, string>> | undefined

  constructor(stub: Stub) {
    this.#stub = stub
  }

  /** Empty if nothing was changed under it yet. */
  read(name: string): Promise<string> {
    let mark = this.#read.get(name)
    if (mark === undefined) {
      mark = this.#read.size < FEW_MARKS ? this.#stub.getState(name).then(decodeUtf8) : this.#fromAll(name)
      this.#read.set(name, mark)
    }
    return mark
  }

  async #fromAll(name: string): Promise<string> {
    this.#all ??= allMarks(this.#stub)
    return (await this.#all).get(name) ?? ''
  }
}

async function allMarks(stub: Stub): Promise<ReadonlyMap<string, string>> {
  const marks = new Map<string, string>()
  for await (const { key, value } of rangeOf(stub, MARK_PREFIX)) marks.set(key, decodeUtf8(value))
  return marks
}

/** The same record stands under its organisation and under its reference. */
async function rememberMembers(stub: Stub, cache: StateCache, mspId: string): Promise<void> {
  const channel = stub.getChannelID()
  const marks = await allMarks(stub)
  const prefix = stateKeys.memberPrefix(mspId as MspId)
  let count = 0
  for await (const { key, value } of rangeOf(stub, prefix)) {
    const participant = stateKeys.participant(key.slice(prefix.length) as ParticipantRef)
    cache.keep(channel, participant, marks.get(markOf(participant) ?? '') ?? '', value)
    if (++count === MAX_MEMBERS) break
  }
}

/** Registering somebody leaves the mark as it is, and batches have none. */
function mayBeRememberedAsAbsent(key: string): boolean {
  return !key.startsWith(PARTICIPANT_PREFIX) && !key.startsWith(BATCH_PREFIX)
}

async function* rangeOf(
  stub: Stub,
  prefix: string,
): AsyncGenerator<{ readonly key: string; readonly value: Uint8Array }> {
  const iterator = await stub.getStateByRange(prefix, rangeEnd(prefix))
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
}
