/**
 * A normal world that is against us, drawn by chance: it carries everything and may drop, delay, reorder, replay, cut and
 * forge it: frames, answers of the ledger (one of the two organisations' nodes says and signs what it likes), news of
 * commitments and anchors, time, the store's files. The people around it are honest and check what they get.
 *
 * One step is one choice. The schedule follows from the seed; keys of people and signatures do not.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { stateKeys, type EndorsedAnswer } from '../../../shared/ledger-model/src/index.ts'
import { isErrorCode, newId, newRecordId, type ErrorCode } from '../../../shared/protocol/src/index.ts'
import type { AbiOpName, AbiRequest, Effect, EffectOf, Outcome } from '../../../shared/tee-abi/src/index.ts'
import type { InsecureMemoryLedger } from '../../../testkit/src/insecure-memory-ledger.ts'
import { TaWorld, plainRows } from '../../../testkit/src/ta-world.ts'
import { copyFolder, flipBit, putBackFolder, type FolderCopy } from '../../../testkit/src/world/index.ts'
import type { DatabasePort } from '../../../secure/core/src/index.ts'
import { Chance, seededCrypto } from './chance.ts'
import { People, type Carrier } from './people.ts'

/** What a schedule came to. */
export interface Report {
  readonly steps: number
  readonly acknowledged: number
  readonly released: number
  /** How often each code was given to somebody. */
  readonly codes: ReadonlyMap<string, number>
  /** How often each choice was made. */
  readonly choices: ReadonlyMap<string, number>
}

/** Words that no byte in the host's hands may contain. */
export const CANARY = 'canary-of-a-patient'

interface Carried {
  readonly op: AbiOpName
  readonly body: Readonly<Record<string, unknown>>
  readonly arrived: () => void
  readonly settle: (outcome: Outcome<AbiOpName>) => void
}

interface Answered {
  readonly message: Carried
  readonly outcome: Outcome<AbiOpName>
}

type Snapshot = ReturnType<InsecureMemoryLedger['snapshot']>
type Rows = readonly (readonly EndorsedAnswer[])[]

/** The store as it was at a moment when nothing ran. */
interface StoreCopy {
  readonly files: FolderCopy
  readonly logSize: number
}

/** Faults that a schedule must find: what the protocol assumes does not hold. */
export interface Planted {
  /** One organisation is the quorum, and its node is the liar. */
  readonly dishonestQuorum?: boolean
  /** The database is another one than it says. */
  readonly database?: (port: DatabasePort) => DatabasePort
}

const LOST: Outcome<AbiOpName> = { ok: false, code: 'SERVER_UNAVAILABLE' }
const MAX_KEPT = 24

export class HostileHost implements Carrier {
  readonly world: TaWorld
  readonly people: People
  readonly #chance: Chance
  readonly #inbox: Carried[] = []
  readonly #outbox: Answered[] = []
  readonly #needs: EffectOf<'need'>[] = []
  readonly #others: Effect[] = []
  /** What was carried before, to say again. */
  readonly #seen: Carried[] = []
  readonly #oldAnswers: { readonly need: number; readonly rows: Rows }[] = []
  readonly #late: { readonly need: number; readonly rows: Rows }[] = []
  readonly #snapshots: Snapshot[] = []
  readonly #copies: StoreCopy[] = []
  readonly #codes = new Map<string, number>()
  readonly #choices = new Map<string, number>()
  #isTampering = false
  #isCalm = true
  #steps = 0

  private constructor(world: TaWorld, people: People, chance: Chance) {
    this.world = world
    this.people = people
    this.#chance = chance
  }

  static async open(seed: number, planted: Planted = {}): Promise<HostileHost> {
    const chance = new Chance(seed)
    const world = await TaWorld.open({
      crypto: seededCrypto(createNodeCrypto(), chance),
      twoNodes: planted.dishonestQuorum !== true,
      ...(planted.database === undefined ? {} : { database: planted.database }),
    })
    const people = await People.open(world, chance, CANARY)
    const host = new HostileHost(world, people, chance)
    people.carrier = host
    host.#watch()
    return host
  }

  /** Everything a client sends passes here. */
  carry<O extends AbiOpName>(op: O, body: AbiRequest<O>, arrived: () => void = () => {}): Promise<Outcome<O>> {
    return new Promise((resolve) => {
      const settle = resolve as (outcome: Outcome<AbiOpName>) => void
      this.#inbox.push({ op, body, arrived, settle })
    })
  }

  /** @throws {AssertionError} when something happened that must not. */
  async run(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      this.#steps++
      await this.#step()
      // Sometimes several things go into one round of the application.
      if (this.#chance.percent(70)) await this.#rest()
    }
  }

  /** The host mends its ways, and everything that was acknowledged must be there. */
  async finish(): Promise<Report> {
    await this.#rest()
    for (const { settle } of this.#inbox.splice(0)) settle(LOST)
    for (const { message } of this.#outbox.splice(0)) message.settle(LOST)
    await this.#rest()
    this.#setSkew(0)
    this.world.behaviour = undefined
    await this.world.restart()
    this.#wrap()
    assert.equal(this.world.app.state, 'serving', `an honest host starts it again: ${this.world.fatal ?? 'not fatal'}`)
    await this.people.checkEverything()
    this.#checkFiles()
    const { acknowledged, released } = this.people
    return { steps: this.#steps, acknowledged, released, codes: this.#codes, choices: this.#choices }
  }

  close(): void {
    this.world.close()
  }

  /** A code was given: each must be in the table, and none says that the application itself failed. */
  note(code: string): void {
    assert.ok(isErrorCode(code), `${code} is not in the error table`)
    assert.notEqual(code, 'TEE_FAULT', 'the trusted application failed by itself')
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1)
  }

  // --- what it can do

  async #step(): Promise<void> {
    if (this.#chance.percent(2)) this.#changeMood()
    const bad = this.#isCalm ? 0 : 1
    const { length: waiting } = this.#inbox
    const { length: answered } = this.#outbox
    const choices: (readonly [weight: number, name: string, act: () => void | Promise<void>])[] = [
      [waiting + answered > 12 ? 4 : 30, 'people act', () => this.people.act()],
      [14, 'people change the ledger', () => this.people.changeLedger()],
      [waiting > 0 ? 40 : 0, 'carry', () => this.#deliver(this.#chance.take(this.#inbox))],
      [answered > 0 ? 40 : 0, 'carry back', () => this.#return(this.#chance.take(this.#outbox))],
      [bad * (waiting > 0 ? 1 : 0), 'drop', () => this.#chance.take(this.#inbox)?.settle(LOST)],
      [bad * (answered > 0 ? 1 : 0), 'drop an answer', () => this.#chance.take(this.#outbox)?.message.settle(LOST)],
      [bad * (waiting > 0 ? 2 : 0), 'alter', () => this.#alter()],
      [bad * (answered > 0 ? 2 : 0), 'alter an answer', () => this.#alterAnswer()],
      [bad * (this.#seen.length > 0 ? 3 : 0), 'replay', () => this.#replay()],
      [bad * (answered > 1 ? 2 : 0), 'exchange answers', () => this.#exchange()],
      [this.#needs.length > 0 ? 40 : 0, 'answer for the ledger', () => this.#answerNeed()],
      [this.#late.length > 0 ? 8 : 0, 'late answers', () => this.#answerLate()],
      [this.#others.length > 0 ? 15 : 0, 'commitments and anchors', () => this.#answerOther()],
      [bad * 2, 'forge news', () => this.#forge()],
      [1, 'remember the ledger', () => this.#remember()],
      [6, 'time passes', () => this.#pass()],
      [bad * 1, 'time jumps', () => this.#jump()],
      [bad * (this.#steps % 3 === 0 ? 1 : 0), 'kill', () => this.#kill()],
      [
        bad * (this.#copies.length > 0 && this.#steps % 6 === 0 ? 1 : 0),
        'put back an older store',
        () => this.#rollBack(),
      ],
      [bad * (this.#steps % 12 === 0 ? 1 : 0), 'damage the store', () => this.#damage()],
    ]
    const sum = choices.reduce((total, [weight]) => total + weight, 0)
    let at = this.#chance.below(sum)
    for (const [weight, name, act] of choices) {
      at -= weight
      if (at >= 0) continue
      this.#choices.set(name, (this.#choices.get(name) ?? 0) + 1)
      await act()
      break
    }
    this.#checkAlive()
  }

  #deliver(message: Carried | undefined): void {
    if (message === undefined) return
    message.arrived()
    if (this.#seen.length >= MAX_KEPT) this.#seen.shift()
    this.#seen.push(message)
    this.#ask(message, message.body)
  }

  #ask(message: Carried, body: Readonly<Record<string, unknown>>): void {
    const answer = this.world.request(message.op, body)
    void answer.then((outcome) => this.#outbox.push({ message, outcome }))
  }

  #return(answered: Answered | undefined): void {
    if (answered === undefined) return
    const { message, outcome } = answered
    if (!outcome.ok) this.note(outcome.code)
    message.settle(outcome)
  }

  /** Another message in its place; the client gets what comes of that. */
  #alter(): void {
    const message = this.#chance.take(this.#inbox)
    if (message === undefined) return
    this.#ask(message, this.#spoiled(message.body))
  }

  #alterAnswer(): void {
    const answered = this.#chance.take(this.#outbox)
    if (answered === undefined) return
    const { message, outcome } = answered
    const spoiled = outcome.ok ? { ok: true, answer: this.#spoiled(outcome.answer) } : LOST
    message.settle(spoiled as Outcome<AbiOpName>)
  }

  #spoiled(body: object): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      Object.entries(body).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? this.#chance.spoil(value) : value,
      ]),
    )
  }

  /** Something from before, once more; sometimes its answer goes to whoever asked first. */
  #replay(): void {
    if (this.#seen.length === 0) return
    const message = this.#chance.pick(this.#seen)
    this.#ask(message, message.body)
  }

  #exchange(): void {
    const one = this.#chance.take(this.#outbox)
    const other = this.#chance.take(this.#outbox)
    if (one === undefined || other === undefined) {
      if (one !== undefined) this.#outbox.push(one)
      return
    }
    if (one.message.op !== other.message.op) {
      one.message.settle(LOST)
      other.message.settle(LOST)
      return
    }
    one.message.settle(other.outcome)
    other.message.settle(one.outcome)
  }

  async #answerNeed(): Promise<void> {
    const effect = this.#chance.take(this.#needs)
    if (effect === undefined) return
    const honest = await this.#rows(effect)
    if (this.#oldAnswers.length >= MAX_KEPT) this.#oldAnswers.shift()
    this.#oldAnswers.push({ need: effect.need, rows: honest })
    if (honest[0]?.length === 1 && effect.queries.every(({ fn }) => fn !== 'checkpoint') && this.#chance.percent(60)) {
      this.#give(effect.need, await this.#liarsRows(effect, honest))
      return
    }
    const lie = this.#isCalm ? 0 : this.#chance.below(16)
    if (lie < 8) this.#give(effect.need, honest)
    else if (lie === 8) this.#give(effect.need, await this.#liarsRows(effect, honest))
    else if (lie === 9) this.#late.push({ need: effect.need, rows: honest })
    else if (lie === 10) this.#give(effect.need, this.#chance.pick(this.#oldAnswers).rows)
    else if (lie === 11)
      this.#give(
        effect.need,
        honest.map((row) => row.slice(0, this.#chance.below(row.length + 1))),
      )
    else if (lie === 12) this.#give(effect.need, honest.map((row) => [...row, ...row]).toReversed())
    else if (lie === 13)
      this.#give(
        effect.need,
        honest.map((row) => row.map((answer) => this.#spoiledAnswer(answer))),
      )
    else if (lie === 14) this.#tell('endorsement', { need: effect.need, code: 'LEDGER_UNAVAILABLE' })
    // 15: it never answers.
  }

  #answerLate(): void {
    const late = this.#chance.take(this.#late)
    if (late !== undefined) this.#give(late.need, late.rows)
  }

  async #rows(effect: EffectOf<'need'>): Promise<Rows> {
    return await this.world.ledger.endorsedRead(effect.queries, effect.nonce)
  }

  /** The first node is honest, the second one says what was true long ago, or that it is another time. */
  async #liarsRows(effect: EffectOf<'need'>, honest: Rows): Promise<Rows> {
    const { world } = this
    const offsetMs = world.ledgerOffsetMs
    // A liar that is the whole quorum is believed the more the less it lies: what begins has not begun by an old time.
    const isQuorum = honest[0]?.length === 1
    if (!isQuorum && this.#chance.percent(50)) world.ledgerOffsetMs -= this.#chance.below(100) * 60_000
    const now = world.ledger.snapshot()
    const past = this.#snapshots.length > 0 && this.#chance.percent(70) ? this.#chance.pick(this.#snapshots) : now
    const lies = await world.ledger.endorsedRead(effect.queries, effect.nonce, {
      state: past.state,
      height: now.height,
    })
    world.ledgerOffsetMs = offsetMs
    if (isQuorum) return lies
    return honest.map((row, i) => [row[0], lies[i]?.[1], lies[i]?.[1]].flatMap((one) => one ?? []))
  }

  #spoiledAnswer({ answer, signature }: EndorsedAnswer): EndorsedAnswer {
    const copy = signature.slice()
    const at = this.#chance.below(copy.length)
    copy[at] = (copy[at] ?? 0) ^ 1
    return this.#chance.percent(50) ? { answer, signature: copy } : { answer: this.#chance.spoil(answer), signature }
  }

  #give(need: number, rows: Rows): void {
    this.#tell('endorsement', { need, ...plainRows(rows) })
  }

  /** Says something to the application; what it answers is looked at, nobody waits for it. */
  #tell<O extends AbiOpName>(op: O, body: AbiRequest<O>): void {
    void this.world.request(op, body).then((outcome) => (outcome.ok ? undefined : this.note(outcome.code)))
  }

  async #answerOther(): Promise<void> {
    const effect = this.#chance.take(this.#others)
    if (effect === undefined) return
    if (!this.#isCalm && this.#chance.percent(10)) return
    if (!this.#isCalm && effect.fx === 'anchor' && this.#chance.percent(10)) {
      // It says so, and did nothing.
      this.#tell('anchored', { epoch: effect.epoch })
      return
    }
    // The ledger answers whoever brings the statement; the application is told in its own turn.
    void this.world.honest(effect)
  }

  #forge(): void {
    const { world } = this
    const crypto = world.crypto
    switch (this.#chance.below(9)) {
      case 0: {
        const recordId = this.people.someRecord() ?? newRecordId(crypto, world.clock.nowMs())
        const txId = '00'.repeat(32) as never
        this.#tell('committed', {
          items: [[recordId, 1 + this.#chance.below(2), newId(crypto, 'b'), this.#chance.below(3), txId, 1]],
        })
        return
      }
      case 1:
        this.#tell('anchored', { epoch: this.#chance.below(50) })
        return
      case 2:
        if (this.#oldAnswers.length > 0) this.#give(this.#chance.below(200), this.#chance.pick(this.#oldAnswers).rows)
        return
      case 3:
        this.#tell('provision', { config: world.config })
        return
      case 4:
        this.#tell('reconfigure', { update: this.#chance.bytes(50) })
        return
      case 5:
        this.#tell('certificate', { cert: this.#chance.bytes(50) })
        return
      case 6:
        this.#tell('proof', { index: this.#chance.below(2_000), size: this.#chance.below(2_000) })
        return
      case 7:
        this.#tell('record', { record: this.#chance.bytes(1 + this.#chance.below(200)) })
        return
      default:
        world.app.handle(this.#chance.bytes(this.#chance.below(60)))
        world.tick()
    }
  }

  #remember(): void {
    if (this.#snapshots.length >= MAX_KEPT) this.#snapshots.splice(this.#chance.below(MAX_KEPT), 1)
    this.#snapshots.push(this.world.ledger.snapshot())
  }

  #pass(): void {
    this.world.clock.advanceMs(this.#chance.percent(10) ? 11_000 : 50 + this.#chance.below(1_000))
    this.people.model.changed()
    this.world.tick()
  }

  /** It is not at it all the time: between its attacks there must be something to attack. */
  #changeMood(): void {
    this.#isCalm = !this.#isCalm
    if (this.#isCalm) this.#setSkew(0)
  }

  /** Mostly by what is tolerated, sometimes by more, sometimes by days. */
  #jump(): void {
    const minutes = this.#chance.below(9) - 4
    this.#setSkew(minutes * 60_000 * (this.#chance.percent(15) ? 2_000 : 1))
  }

  /** The host's own clock is off; the ledger's is right. */
  #setSkew(skewMs: number): void {
    const { world } = this
    const trueMs = world.clock.nowMs() + world.ledgerOffsetMs
    world.clock.setNowMs(trueMs + skewMs)
    world.ledgerOffsetMs = -skewMs
  }

  // --- its own machine

  async #kill(): Promise<void> {
    await this.#rest()
    const logSize = this.#logSize()
    this.#stop()
    if (this.#chance.percent(60)) {
      if (this.#copies.length >= 4) this.#copies.splice(this.#chance.below(4), 1)
      this.#copies.push({ files: copyFolder(this.world.folder), logSize })
    }
    this.#start()
    await this.#rest()
  }

  /** An older store: it must be found out, unless it is as new as what the ledger knows (6.10). */
  async #rollBack(): Promise<void> {
    const older = this.#copies.length === 0 ? undefined : this.#chance.pick(this.#copies)
    if (older === undefined) return
    await this.#rest()
    this.#stop()
    const newest = copyFolder(this.world.folder)
    putBackFolder(this.world.folder, older.files)
    this.#isTampering = true
    await this.#startHonestly()
    const anchoredSize = this.#anchoredSize()
    const { fatal } = this.world
    if (fatal === undefined) {
      assert.ok(
        older.logSize >= anchoredSize,
        `a store of ${older.logSize} is served, the ledger knows ${anchoredSize}`,
      )
    } else {
      assert.ok(fatal === 'STATE_ROLLED_BACK' || fatal === 'CHECKPOINT_FORKED', fatal)
      this.note(fatal)
    }
    this.#stop()
    putBackFolder(this.world.folder, newest)
    this.#isTampering = false
    this.#start()
    await this.#rest()
  }

  /** One bit of the file: found when it is read, at the start or later. Nothing is asked of it meanwhile but reading. */
  async #damage(): Promise<void> {
    await this.#rest()
    this.#stop()
    const good = copyFolder(this.world.folder)
    const length = good.get('store.db')?.length ?? 0
    if (length > 0) {
      flipBit(this.world.folder, this.#chance.below(length), this.#chance.below(8))
      this.#isTampering = true
      await this.#startHonestly()
      if (this.world.fatal === undefined) await this.people.readEverythingInto(() => this.world.fatal)
      const { fatal } = this.world
      if (fatal !== undefined) {
        assert.ok(fatal === 'STORE_DAMAGED' || fatal === 'STATE_ROLLED_BACK', fatal)
        this.note(fatal)
      }
      this.#stop()
      putBackFolder(this.world.folder, good)
      this.#isTampering = false
    }
    this.#start()
    await this.#rest()
  }

  #stop(): void {
    for (const { message } of this.#outbox.splice(0)) message.settle({ ok: false, code: 'TEE_RESTARTED' })
    this.world.kill()
    this.#needs.length = 0
    this.#late.length = 0
    this.#others.length = 0
  }

  #start(): void {
    this.world.behaviour = (effect) => this.#takeEffect(effect)
    void this.world.restart().catch(() => {})
    this.#wrap()
  }

  /**
   * With everything that it asks for, until it serves or gives up. Nothing is anchored: of two branches the one that is
   * anchored first is the store from then on, and the other is refused.
   */
  async #startHonestly(): Promise<void> {
    this.world.behaviour = async (effect, honest) => {
      if (effect.fx !== 'anchor') await honest(effect)
    }
    await this.world.restart()
    this.#wrap()
  }

  #watch(): void {
    this.world.behaviour = (effect) => this.#takeEffect(effect)
    this.#wrap()
  }

  async #takeEffect(effect: Effect): Promise<void> {
    if (effect.fx === 'need') this.#needs.push(effect)
    else if (effect.fx === 'fatal' || effect.fx === 'notice') await this.world.honest(effect)
    else this.#others.push(effect)
  }

  /** Looks at every byte that leaves the application. */
  #wrap(): void {
    const { app } = this.world
    this.world.app = {
      get state() {
        return app.state
      },
      get isDue() {
        return app.isDue
      },
      get isFatal() {
        return app.isFatal
      },
      handle: (message) => app.handle(message),
      commit: () => {
        const frames = app.commit()
        for (const frame of frames) assert.ok(!Buffer.from(frame).includes(CANARY), 'plaintext left the application')
        return frames
      },
    }
  }

  #checkFiles(): void {
    for (const name of readdirSync(this.world.folder)) {
      assert.ok(!readFileSync(join(this.world.folder, name)).includes(CANARY), `plaintext in ${name}`)
    }
  }

  /** While the files are its own, nothing that the host says may end it. */
  #checkAlive(): void {
    if (this.#isTampering) return
    const fatal: ErrorCode | undefined = this.world.fatal
    assert.equal(fatal, undefined, `the host talked the application into ${fatal ?? ''}`)
  }

  #logSize(): number {
    return this.world.inspect((database) =>
      Number(database.prepare('SELECT count(*) AS n FROM log_entry').get()?.['n'] ?? 0),
    )
  }

  #anchoredSize(): number {
    const record = this.world.ledger.snapshot().state.get(stateKeys.checkpoint(this.world.serverRef))
    if (record === undefined) return 0
    const { size } = JSON.parse(record) as { readonly size: number | string }
    return Number(size)
  }

  async #rest(): Promise<void> {
    await this.world.settle()
  }
}

/** One schedule from beginning to end. @throws {AssertionError} with the seed in its message. */
export async function runSchedule(seed: number, steps: number, planted: Planted = {}): Promise<Report> {
  const host = await HostileHost.open(seed, planted)
  try {
    await host.run(steps)
    return await host.finish()
  } catch (error) {
    throw new Error(`seed ${seed}, ${steps} steps: ${error instanceof Error ? error.stack : String(error)}`, {
      cause: error,
    })
  } finally {
    host.close()
  }
}
