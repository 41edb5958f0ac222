/**
 * New hardware beside the world's, to which the store of a lost server is restored: its own device and disk, the same
 * ledger, hospitals that hand it their shares.
 *
 * @module
 */
import { encodeHex } from '../../shared/crypto/src/index.ts'
import type { Succession } from '../../shared/ledger-model/src/index.ts'
import {
  decodeRecoverySet,
  isErrorCode,
  openShare,
  ProtocolError,
  type CborValue,
  type HospitalRef,
  type ServerRegistration,
  type SignedRecoverySet,
} from '../../shared/protocol/src/index.ts'
import { startHandshake, type ClientSession } from '../../shared/protocol/src/session/index.ts'
import type { TestIdentity } from './consortium.ts'
import { ReplicaWorld } from './replica-world.ts'
import type { TaWorld, WorldPatient } from './ta-world.ts'

type Members = Readonly<Record<string, CborValue>>

/** A hospital fetches its share in its session with the server, and says that it keeps it. */
export async function fetchShare(world: TaWorld, hospital: TestIdentity): Promise<SignedRecoverySet> {
  const session = await world.connect(hospital)
  const { set, signature } = await session.request('recovery.share')
  const signed = { set: set as Uint8Array, signature: signature as Uint8Array }
  await session.request('recovery.share', { has: decodeRecoverySet(signed.set).id })
  return signed
}

/** A session with the new hardware. */
export interface GivingSession {
  request(cmd: string, body: Members): Promise<Members>
}

export class RestoreWorld extends ReplicaWorld {
  override async prepare(): Promise<void> {
    const { key, instance } = await this.ask('restore-prepare', { config: this.world.config })
    this.key = new Uint8Array(key)
    this.instance = new Uint8Array(instance)
  }

  /** Prepared and registered, as an operator does it. */
  static override async prepared(world: TaWorld): Promise<RestoreWorld> {
    const restored = new RestoreWorld(world)
    await restored.prepare()
    await restored.register()
    return restored
  }

  /** What the ledger says of the server, with this device in its place. */
  registration(): ServerRegistration {
    const registered = this.world.registration()
    const attestationKeys = [...registered.attestationKeys, this.attestation.publicKey]
    return { ...registered, attestationKeys, identityKey: this.key }
  }

  /** Votes of the first `count` organisations for this instance. */
  async name(count = 2, term = 1, from?: Succession['from']): Promise<void> {
    const vote = JSON.stringify({ term, instance: encodeHex(this.instance), ...(from === undefined ? {} : { from }) })
    for (const { admin } of this.world.consortium.organizations.slice(0, count)) {
      await this.world.ledger.submit(admin, 'approveSuccession', [this.world.serverRef, vote])
    }
  }

  /** Of whoever it is; the hospital's checks are those of a client. */
  async connect(who: TestIdentity | WorldPatient, server = this.registration()): Promise<GivingSession> {
    const { crypto, clock } = this.world
    const pending = startHandshake(crypto)
    const { reply } = await this.ask('restore-hello', { hello: pending.hello, conn: 1 })
    const policy = { teeKinds: ['process'], minSecurityVersion: 1, allowSimulated: true } as const
    const unconfirmed = pending.complete(reply, { server, policy }, this.world.identityOf(who))
    const { record } = await this.ask('restore-finish', { finish: unconfirmed.finish })
    const session = unconfirmed.confirm(record, clock.monotonicMs())
    return { request: (cmd, body) => this.#request(session, cmd, body) }
  }

  /** A hospital gives its share of a set. @param change of the share, on its way out of the hospital. */
  async give(
    hospital: TestIdentity,
    signed: SignedRecoverySet,
    change: (share: Uint8Array) => Uint8Array = (share) => share,
  ): Promise<Members> {
    const set = decodeRecoverySet(signed.set)
    const share = openShare(this.world.crypto, set, hospital.ref as HospitalRef, hospital.sealKeyPair)
    const session = await this.connect(hospital)
    return await session.request('recovery.give', { ...signed, share: change(share) })
  }

  /** Until it serves, or ends. */
  async recovered(): Promise<string> {
    for (let i = 0; i < 20; i++) {
      const { state } = await this.ask('status', {})
      if (state !== 'recovering') return state
      this.world.clock.advanceMs(1_000)
    }
    return 'recovering'
  }

  async #request(session: ClientSession, cmd: string, body: Members): Promise<Members> {
    const { seq, frame } = session.sealRequest({ cmd, ...body }, this.world.clock.monotonicMs())
    const { record } = await this.ask('restore-record', { record: frame })
    const answer = session.openAnswer(seq, record) as Members
    if (answer['ok'] === true) return answer
    const { code } = answer
    if (!isErrorCode(code)) throw new TypeError('a refusal without a code')
    throw new ProtocolError(code, 'refused')
  }
}
