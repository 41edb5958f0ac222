/**
 * Endorsed reads for the requests that wait for them. The normal world carries questions and answers; it can delay or
 * drop them, and nothing else. Spec: docs/protocol/07-ledger.md §7.5, 08-access.md §8.2, 10-tee-abi.md §10.3.
 *
 * Requests of one commit round share one question of each class, and while it is under way the next ones gather for
 * the following question. So a nonce is always made after the requests that it serves have arrived, and under load one
 * signature answers many.
 *
 * @module
 */
import { encodeHex, encodeUtf8, type Crypto } from '../../../../shared/crypto/src/index.ts'
import {
  checkpointRecordShape,
  commitmentLeavesShape,
  commitmentRecordsShape,
  EndorsedReader,
  LedgerError,
  MAX_LOOKUP_COMMITMENTS,
  MAX_POLICY_PATIENTS,
  organizationPolicyOrUnchangedShape,
  parseResult,
  programRecordShape,
  retainedVersionsShape,
  successionRecordShape,
  type CheckpointRecord,
  type CommitmentLeaf,
  type CommitmentRecord,
  type EndorsedAnswer,
  type EndorsedQuery,
  type EndorsementTrust,
  type OrganizationPolicy,
  type PatientPolicy,
  type ProgramRecord,
  type RetainedVersion,
  type SuccessionRecord,
} from '../../../../shared/ledger-model/src/index.ts'
import type { ErrorCode, ServerRef } from '../../../../shared/protocol/src/index.ts'
import type { EffectOf } from '../../../../shared/tee-abi/src/index.ts'
import { refusalOf, TrustedApplicationError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { PolicyTexts } from './policy-texts.ts'
import { Facts, placeName, type CommitmentPlace, type FactNeeds } from './queries.ts'

export interface FactsOptions {
  /** Whose store it is: every question also asks who holds it. */
  readonly serverRef: ServerRef
  /** Whose answers count. */
  readonly trust: EndorsementTrust
  /** How old an answer about a patient may be; 0: never reused. */
  readonly policyCacheMs: number
}

/** An answer about an organisation is reused for this long. */
export const ORGANIZATION_CACHE_MS = 5_000
/** After this time without an answer the waiting requests are refused. */
export const NEED_TIMEOUT_MS = 10_000
/** Requests that may wait for the ledger at once. */
export const MAX_WAITING = 16_384
const MAX_PATIENTS_OF_NEED = 8 * MAX_POLICY_PATIENTS
/** Questions about blocks that we have not seen yet, which may never come, at once. */
const MAX_AHEAD = 8
const MAX_CACHED_PATIENTS = 10_000

export type FactsOutcome = { readonly facts: Facts } | { readonly code: ErrorCode }

interface Waiter {
  readonly needs: FactNeeds
  readonly settle: (outcome: FactsOutcome) => void
}

/** One question, gathering or under way. */
interface Need {
  readonly minHeight: number
  readonly patients: Set<string>
  readonly organizations: Set<string>
  readonly commitments: Map<string, CommitmentPlace>
  readonly leaves: Map<string, CommitmentPlace>
  readonly retained: Map<string, CommitmentPlace>
  checkpointOf: string | undefined
  program: string | undefined
  readonly waiters: Waiter[]
  readonly sinceMs: number
}

interface Asked {
  readonly need: Need
  readonly name: string
  readonly nonce: Uint8Array
  readonly queries: readonly EndorsedQuery[]
  /** Monotonic: answers are as old as their nonce, whenever they arrive. */
  readonly askedMs: number
  /** Policies of organisations that the question names by their digest. */
  readonly named: Map<string, NamedPolicy>
}

/** An organisation's policy, and SHA-256 of the text that it was parsed from, hex. */
interface NamedPolicy {
  readonly policy: OrganizationPolicy
  readonly digest: string
}

interface Cached<T> {
  readonly value: T
  readonly askedMs: number
  readonly timeMs: number
  readonly reachedMs: number
  readonly height: number
}

export class LedgerFacts {
  readonly #crypto: Crypto
  readonly #serverRef: ServerRef
  readonly #policyCacheMs: number
  #reader: EndorsedReader
  /** Gathering, by class; each class has at most one question under way. */
  readonly #gathering = new Map<string, Need[]>()
  readonly #asked = new Map<number, Asked>()
  readonly #organizations = new Map<string, Cached<OrganizationPolicy>>()
  /** However old: whether it still stands is what is asked. */
  readonly #named = new Map<string, NamedPolicy>()
  readonly #patients = new Map<string, Cached<PatientPolicy>>()
  readonly #policyTexts: PolicyTexts
  #onSuccession: ((record: SuccessionRecord) => void) | undefined
  #lastNeed = 0
  #waiting = 0
  #height = 0

  constructor(crypto: Crypto, { serverRef, trust, policyCacheMs }: FactsOptions, limits: Pick<Limits, 'policyUnits'>) {
    this.#policyTexts = new PolicyTexts(limits.policyUnits)
    this.#crypto = crypto
    this.#serverRef = serverRef
    this.#policyCacheMs = policyCacheMs
    this.#reader = new EndorsedReader(crypto, trust)
  }

  /** Others are believed from now on, also for what is under way; nothing that the earlier ones said is kept. */
  trust(trust: EndorsementTrust): void {
    this.#reader = new EndorsedReader(this.#crypto, trust)
    this.#organizations.clear()
    this.#named.clear()
    for (const { named } of this.#asked.values()) named.clear()
    this.#patients.clear()
  }

  /**
   * Calls `see` with who holds the store, as often as a quorum said it, before anybody gets the other answers.
   * What it throws leaves `deliver`, and nobody gets them.
   */
  watchSuccession(see: (record: SuccessionRecord) => void): void {
    this.#onSuccession = see
  }

  /** Requests that wait for an answer. */
  get waiting(): number {
    return this.#waiting
  }

  /** Newest block that every organisation of some answer reflected. */
  get height(): number {
    return this.#height
  }

  /**
   * Calls `settle` once: now if everything is known and fresh enough, else when answers arrive or time is over.
   * @throws {TrustedApplicationError} `TEE_BUSY`
   */
  request(needs: FactNeeds, monotonicMs: number, settle: (outcome: FactsOutcome) => void): void {
    const known = needs.fresh === true ? undefined : this.#fromCache(needs, monotonicMs)
    if (known !== undefined) {
      settle({ facts: known })
      return
    }
    if (this.#waiting >= MAX_WAITING) throw new TrustedApplicationError('TEE_BUSY')
    const minHeight = needs.minHeight ?? 0
    const need = this.#gatheringNeed(classOf(needs, minHeight, this.#height), minHeight, needs, monotonicMs)
    for (const ref of needs.patients ?? []) need.patients.add(ref)
    for (const mspId of needs.organizations ?? []) {
      const isKnown = this.#isFresh(this.#organizations.get(mspId), monotonicMs, minHeight)
      if (!isKnown || needs.fresh === true) need.organizations.add(mspId)
    }
    for (const place of needs.commitments ?? []) need.commitments.set(placeName(place), place)
    for (const place of needs.leaves ?? []) need.leaves.set(placeName(place), place)
    for (const place of needs.retained ?? []) need.retained.set(placeName(place), place)
    if (needs.checkpointOf !== undefined) need.checkpointOf = needs.checkpointOf
    if (needs.program !== undefined) need.program = needs.program
    need.waiters.push({ needs, settle })
    this.#waiting++
  }

  /** The questions to ask now; call once a commit round. */
  flush(monotonicMs: number): readonly EffectOf<'need'>[] {
    this.#expire(monotonicMs)
    const effects: EffectOf<'need'>[] = []
    const underWay = new Set([...this.#asked.values()].map((asked) => asked.name))
    for (const [name, needs] of this.#gathering) {
      if (underWay.has(name)) continue
      if (isAhead(name) && [...underWay].filter(isAhead).length >= MAX_AHEAD) continue
      const need = needs.shift()
      if (needs.length === 0) this.#gathering.delete(name)
      if (need === undefined) continue
      underWay.add(name)
      effects.push(this.#ask(name, need, monotonicMs))
    }
    return effects
  }

  /** Takes the answers to a question. Late and unknown ones are ignored: the host may repeat itself. */
  deliver(
    number: number,
    outcome: { readonly answers: readonly (readonly EndorsedAnswer[])[] } | { readonly code: ErrorCode },
    monotonicMs: number,
  ): void {
    const asked = this.#asked.get(number)
    if (asked === undefined) return
    this.#asked.delete(number)
    if ('code' in outcome) {
      // Why the host has no answer is its word only.
      this.#settleAll(asked.need, { code: 'LEDGER_UNAVAILABLE' })
      return
    }
    let facts: FactsOutcome
    try {
      facts = { facts: this.#read(asked, outcome.answers, monotonicMs) }
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === undefined) throw error
      facts = { code: refusal.code }
    }
    if ('facts' in facts && facts.facts.succession !== undefined) this.#onSuccession?.(facts.facts.succession)
    const { need } = asked
    const again = 'code' in facts ? [] : need.waiters.filter(({ needs }) => lacksOrganization(needs, need, facts.facts))
    this.#waiting -= again.length
    // Of an organisation they had an answer when they came, and it has become too old since: asked with theirs now.
    for (const { needs, settle } of again) this.request(needs, monotonicMs, settle)
    this.#settleAll({ ...need, waiters: need.waiters.filter((waiter) => !again.includes(waiter)) }, facts)
  }

  #gatheringNeed(name: string, minHeight: number, needs: FactNeeds, monotonicMs: number): Need {
    let list = this.#gathering.get(name)
    if (list === undefined) {
      list = []
      this.#gathering.set(name, list)
    }
    const last = list[list.length - 1]
    if (last !== undefined && fits(last, needs)) return last
    const need: Need = {
      minHeight: isAhead(name) ? minHeight : 0,
      patients: new Set(),
      organizations: new Set(),
      commitments: new Map(),
      leaves: new Map(),
      retained: new Map(),
      checkpointOf: undefined,
      program: undefined,
      waiters: [],
      sinceMs: monotonicMs,
    }
    list.push(need)
    return need
  }

  #ask(name: string, need: Need, askedMs: number): EffectOf<'need'> {
    const nonce = this.#crypto.randomBytes(32)
    const named = new Map<string, NamedPolicy>()
    for (const mspId of need.organizations) {
      const known = this.#named.get(mspId)
      if (known !== undefined) named.set(mspId, known)
    }
    const queries = [...queriesOf(need, named), { fn: 'succession', args: [this.#serverRef] }]
    const number = ++this.#lastNeed
    // What this reader has seen cannot be unseen: an answer that reflects less is stale.
    const minHeight = Math.max(need.minHeight, this.#height)
    this.#asked.set(number, { need: { ...need, minHeight }, name, nonce, queries, askedMs, named })
    return { fx: 'need', need: number, queries, nonce, minHeight }
  }

  #read(asked: Asked, answers: readonly (readonly EndorsedAnswer[])[], monotonicMs: number): Facts {
    const { need, nonce, queries, askedMs } = asked
    if (answers.length !== queries.length) throw new LedgerError('ENDORSEMENT_MALFORMED', 'a query has no answers')
    const patients = new Map<string, PatientPolicy>()
    const organizations = new Map<string, OrganizationPolicy>()
    const commitments = new Map<string, CommitmentRecord>()
    const leaves = new Map<string, CommitmentLeaf>()
    const retained = new Map<string, RetainedVersion>()
    let checkpoint: CheckpointRecord | undefined
    let program: ProgramRecord | undefined
    let succession: SuccessionRecord | undefined
    let timeMs = 0
    let reachedMs = Number.MAX_SAFE_INTEGER
    let height = Number.MAX_SAFE_INTEGER
    const caches: (() => void)[] = []
    for (const [i, query] of queries.entries()) {
      const read = this.#reader.read({ query, nonce, minHeight: need.minHeight }, answers[i] ?? [])
      const { status, result, ...seen } = read
      timeMs = Math.max(timeMs, seen.timeMs)
      reachedMs = Math.min(reachedMs, seen.reachedMs)
      height = Math.min(height, seen.height)
      const cached = <T>(value: T): Cached<T> => ({ value, askedMs, ...seen })
      if (status !== 200) {
        // The one refusal that is an answer: this server has not anchored anything yet.
        if (query.fn === 'checkpoint' && status === 'CHECKPOINT_NOT_FOUND') continue
        if (query.fn.startsWith('organizationPolicy') && status === 'ORGANIZATION_UNKNOWN') continue
        throw new LedgerError(status, 'the contract refused the query')
      }
      switch (query.fn) {
        case 'patientPolicy': {
          const refs = parseArguments(query) as readonly string[]
          for (const policy of this.#policyTexts.read(result, refs)) {
            patients.set(policy.patientRef, policy)
            if (this.#policyCacheMs > 0) {
              caches.push(() => remember(this.#patients, policy.patientRef, cached(policy), MAX_CACHED_PATIENTS))
            }
          }
          break
        }
        case 'organizationPolicy':
        case 'organizationPolicyUnless': {
          const known = this.#policyIn(result, query, asked)
          const { policy } = known
          organizations.set(policy.mspId, policy)
          caches.push(() => {
            remember(this.#organizations, policy.mspId, cached(policy), MAX_CACHED_PATIENTS)
            remember(this.#named, policy.mspId, known, MAX_CACHED_PATIENTS)
          })
          break
        }
        case 'commitments': {
          const places = parseArguments(query)
          const records = parseResult(result, commitmentRecordsShape)
          if (records.length !== places.length) throw new LedgerError('ENDORSEMENT_MALFORMED', 'one is missing')
          for (const record of records) commitments.set(placeName(record), record)
          break
        }
        case 'commitmentLeaves': {
          const places = [...need.leaves.keys()]
          const answered = parseResult(result, commitmentLeavesShape)
          if (answered.length !== places.length) throw new LedgerError('ENDORSEMENT_MALFORMED', 'one is missing')
          for (const [k, leaf] of answered.entries()) if (leaf !== null) leaves.set(places[k] ?? '', leaf)
          break
        }
        case 'retainedUntil': {
          const places = parseArguments(query) as readonly (readonly [string, number])[]
          const versions = parseResult(result, retainedVersionsShape)
          if (versions.length !== places.length) throw new LedgerError('ENDORSEMENT_MALFORMED', 'one is missing')
          for (const [k, [batchId, index]] of places.entries()) {
            retained.set(placeName({ batchId, index }), versions[k] as RetainedVersion)
          }
          break
        }
        case 'checkpoint':
          checkpoint = parseResult(result, checkpointRecordShape)
          break
        case 'program':
          program = parseResult(result, programRecordShape)
          if (program.measurement !== query.args[0]) throw new LedgerError('ENDORSEMENT_MALFORMED', 'another program')
          break
        case 'succession':
          succession = parseResult(result, successionRecordShape)
          if (succession.serverRef !== this.#serverRef) throw new LedgerError('ENDORSEMENT_MALFORMED', 'another server')
          break
        default:
          throw new TypeError('a query that nobody asked')
      }
    }
    for (const cache of caches) cache()
    this.#height = Math.max(this.#height, height)
    for (const [mspId, known] of this.#organizations) {
      if (!organizations.has(mspId) && this.#isFresh(known, monotonicMs, 0)) organizations.set(mspId, known.value)
    }
    const answered = { patients, organizations, commitments, leaves, retained, checkpoint, program, succession }
    return new Facts({ timeMs, reachedMs, height, ...answered })
  }

  /** The policy in a result of `organizationPolicy`, or the one of which a quorum says that it has not changed. */
  #policyIn(result: string, { fn, args }: EndorsedQuery, { named }: Asked): NamedPolicy {
    const [mspId = '', digest] = args
    const answered = parseResult(result, organizationPolicyOrUnchangedShape)
    if (answered.mspId !== mspId) throw new LedgerError('ENDORSEMENT_MALFORMED', 'another organisation')
    if (!('unchanged' in answered)) {
      return { policy: answered, digest: encodeHex(this.#crypto.sha256(encodeUtf8(result))) }
    }
    if (fn !== 'organizationPolicyUnless' || answered.unchanged !== digest) {
      throw new LedgerError('ENDORSEMENT_MALFORMED', 'unchanged since something else')
    }
    const known = named.get(mspId)
    // Others are believed since: what the earlier ones had said is not kept.
    if (known === undefined) throw new LedgerError('ENDORSEMENT_STALE', 'the policy is not known any more')
    return known
  }

  #fromCache(needs: FactNeeds, monotonicMs: number): Facts | undefined {
    if ((needs.commitments ?? needs.leaves ?? needs.retained ?? needs.checkpointOf ?? needs.program) !== undefined)
      return undefined
    const minHeight = needs.minHeight ?? 0
    const patients = new Map<string, PatientPolicy>()
    const organizations = new Map<string, OrganizationPolicy>()
    let timeMs = 0
    let reachedMs = Number.MAX_SAFE_INTEGER
    let height = Number.MAX_SAFE_INTEGER
    const take = (cached: Cached<unknown>): void => {
      timeMs = Math.max(timeMs, cached.timeMs + (monotonicMs - cached.askedMs))
      // What our own clock adds may end something, never begin it.
      reachedMs = Math.min(reachedMs, cached.reachedMs)
      height = Math.min(height, cached.height)
    }
    for (const ref of needs.patients ?? []) {
      const cached = this.#patients.get(ref)
      if (!this.#isFresh(cached, monotonicMs, minHeight, this.#policyCacheMs)) return undefined
      patients.set(ref, cached.value)
      take(cached)
    }
    for (const mspId of needs.organizations ?? []) {
      const cached = this.#organizations.get(mspId)
      if (!this.#isFresh(cached, monotonicMs, minHeight)) return undefined
      organizations.set(mspId, cached.value)
      take(cached)
    }
    if (timeMs === 0) return undefined
    return new Facts({ timeMs, reachedMs, height, patients, organizations })
  }

  #isFresh<T>(
    cached: Cached<T> | undefined,
    monotonicMs: number,
    minHeight: number,
    maxAgeMs = ORGANIZATION_CACHE_MS,
  ): cached is Cached<T> {
    return cached !== undefined && monotonicMs - cached.askedMs < maxAgeMs && cached.height >= minHeight
  }

  #expire(monotonicMs: number): void {
    for (const [number, asked] of this.#asked) {
      if (monotonicMs - asked.askedMs < NEED_TIMEOUT_MS) continue
      this.#asked.delete(number)
      this.#settleAll(asked.need, { code: 'LEDGER_UNAVAILABLE' })
    }
    for (const [name, needs] of this.#gathering) {
      while (needs[0] !== undefined && monotonicMs - needs[0].sinceMs >= 2 * NEED_TIMEOUT_MS) {
        this.#settleAll(needs.shift() as Need, { code: 'LEDGER_UNAVAILABLE' })
      }
      if (needs.length === 0) this.#gathering.delete(name)
    }
  }

  #settleAll(need: Need, outcome: FactsOutcome): void {
    this.#waiting -= need.waiters.length
    const faults: unknown[] = []
    for (const waiter of need.waiters) {
      try {
        waiter.settle(outcome)
      } catch (error) {
        // The others get their answers first: whether this one ends the application is not decided here.
        faults.push(error)
      }
    }
    if (faults.length > 0) throw faults[0]
  }
}

/** Whether an organisation is missing that was not asked for: one that the ledger does not know was. */
function lacksOrganization({ organizations = [] }: FactNeeds, need: Need, facts: Facts): boolean {
  return organizations.some((mspId) => !need.organizations.has(mspId) && facts.findOrganization(mspId) === undefined)
}

/**
 * Requests of one class share questions. A block that we have not seen may never exist: whoever waits for it waits
 * with those who asked for the same block, and nobody else.
 */
function classOf(needs: FactNeeds, minHeight: number, knownHeight: number): string {
  // What the host named is asked apart: a wrong name refuses a question for all who share it.
  if (needs.commitments !== undefined || (needs.leaves !== undefined && needs.patients === undefined))
    return 'commitments'
  // A ledger whose contract knows of no retention yet refuses who erases, and nobody else.
  if (needs.retained !== undefined) return 'retention'
  return minHeight > knownHeight ? `ahead:${minHeight}` : 'policies'
}

function isAhead(name: string): boolean {
  return name.startsWith('ahead:')
}

function fits(need: Need, needs: FactNeeds): boolean {
  const patients = need.patients.size + (needs.patients?.length ?? 0)
  const commitments = need.commitments.size + (needs.commitments?.length ?? 0)
  const leaves = need.leaves.size + (needs.leaves?.length ?? 0)
  const retained = need.retained.size + (needs.retained?.length ?? 0)
  return patients <= MAX_PATIENTS_OF_NEED && Math.max(commitments, leaves, retained) <= MAX_LOOKUP_COMMITMENTS
}

function queriesOf(need: Need, named: ReadonlyMap<string, NamedPolicy>): EndorsedQuery[] {
  const queries: EndorsedQuery[] = []
  const patients = [...need.patients]
  for (let at = 0; at < patients.length; at += MAX_POLICY_PATIENTS) {
    queries.push({ fn: 'patientPolicy', args: [JSON.stringify(patients.slice(at, at + MAX_POLICY_PATIENTS))] })
  }
  for (const mspId of need.organizations) {
    const digest = named.get(mspId)?.digest
    if (digest === undefined) queries.push({ fn: 'organizationPolicy', args: [mspId] })
    else queries.push({ fn: 'organizationPolicyUnless', args: [mspId, digest] })
  }
  if (need.commitments.size > 0) queries.push({ fn: 'commitments', args: [listOf(need.commitments.values())] })
  if (need.leaves.size > 0) queries.push({ fn: 'commitmentLeaves', args: [listOf(need.leaves.values())] })
  const retained = [...need.retained.values()]
  for (let at = 0; at < retained.length; at += MAX_LOOKUP_COMMITMENTS) {
    queries.push({ fn: 'retainedUntil', args: [listOf(retained.slice(at, at + MAX_LOOKUP_COMMITMENTS))] })
  }
  if (need.checkpointOf !== undefined) queries.push({ fn: 'checkpoint', args: [need.checkpointOf] })
  if (need.program !== undefined) queries.push({ fn: 'program', args: [need.program] })
  return queries
}

function listOf(places: Iterable<CommitmentPlace>): string {
  return JSON.stringify([...places].map(({ batchId, index }) => [batchId, index]))
}

/** Our own list argument, as it was written. */
function parseArguments(query: EndorsedQuery): readonly unknown[] {
  return JSON.parse(query.args[0] ?? '[]') as readonly unknown[]
}

function remember<T>(cache: Map<string, T>, name: string, value: T, max: number): void {
  cache.delete(name)
  if (cache.size >= max) {
    for (const oldest of cache.keys()) {
      cache.delete(oldest)
      break
    }
  }
  cache.set(name, value)
}
