/**
 * Endorsements of a transaction. The client itself sends the proposal to a peer of each of a majority of the organisations
 * at once, instead of leaving the choice to one peer's gateway: an organisation whose peers are away, silent, or say
 * something else than the others is replaced by the next one. Where a majority of the organisations that are known is not
 * what the channel wants, a peer's gateway, which knows the policy, chooses. Peers check what is endorsed when they commit it.
 * Spec: docs/protocol/07-ledger.md §7.14.
 *
 * @module
 */
import { gateway, peer } from '@hyperledger/fabric-protos'
import { concat, equalBytes } from '../../../../shared/crypto/src/index.ts'
import {
  bytesField,
  elementField,
  type EncodedFabricProposal,
  LedgerError,
} from '../../../../shared/ledger-model/src/index.ts'
import type { TxId } from '../../../../shared/protocol/src/index.ts'
import type { LedgerIdentity } from '../port.ts'
import type { PeerCall, PeerConnection, PeerQuestion, PeerResponse } from './peer-connection.ts'
import type { PeerPool } from './peer-pool.ts'
import { isAway, isDisagreement, refusalOf } from './refusals.ts'

/** A transaction that its creator has not signed yet. */
export interface EndorsedTransaction {
  readonly txId: TxId
  /** Payload of Fabric's Envelope. */
  readonly payload: Uint8Array
}

type Answer = Pick<PeerResponse, 'response' | 'endorser' | 'signature'>

export class Endorsements {
  readonly #pool: PeerPool
  readonly #attemptMs: number
  /** Organisations of the channel, once a block has said so; until then those of the profile. */
  #members: number | undefined
  #isMajorityEnough = true
  #turn = 0

  /** @param attemptMs how long one request may take. */
  constructor(pool: PeerPool, attemptMs: number) {
    this.#pool = pool
    this.#attemptMs = attemptMs
  }

  /** @param members how many organisations the channel has from now on; undefined: others are known than before. */
  membersChanged(members?: number): void {
    this.#members = members ?? this.#members
    this.#isMajorityEnough = true
  }

  /** Peers wanted other endorsements than those of a majority: until the members change a gateway chooses. */
  majorityWasNotEnough(): void {
    this.#isMajorityEnough = false
  }

  /** @throws {LedgerError} the contract's refusals; `LEDGER_BUSY` where peers differ; `LEDGER_UNAVAILABLE`. */
  async endorse(identity: LedgerIdentity, call: PeerCall): Promise<EndorsedTransaction> {
    const organizations = this.#inTurn()
    const enough = Math.floor((this.#members ?? organizations.length) / 2) + 1
    const question = this.#pool.current.question(identity, call)
    const { txId } = question.encoded
    if (!this.#isMajorityEnough || organizations.length < enough) {
      return { txId, payload: await this.#pool.try((one) => this.#throughGateway(one, identity, question)) }
    }
    const answers = await this.#collect(organizations, enough, (one) => one.send(question, this.#attemptMs))
    return { txId, payload: transactionPayload(question.encoded, answers) }
  }

  async #throughGateway(
    connection: PeerConnection,
    identity: LedgerIdentity,
    { encoded: { txId }, message, signature }: PeerQuestion,
  ): Promise<Uint8Array> {
    const signed = new peer.SignedProposal()
    signed.setProposalBytes(message)
    const proposed = new gateway.ProposedTransaction()
    proposed.setTransactionId(txId)
    proposed.setProposal(signed)
    const offered = connection.gateway(identity).newSignedProposal(proposed.serializeBinary(), signature)
    const endorsed = await offered.endorse({ deadline: Date.now() + this.#attemptMs }).catch((error: unknown) => {
      throw isDisagreement(error) ? new LedgerError('LEDGER_BUSY', 'peers differ', { cause: error }) : error
    })
    const prepared = gateway.PreparedTransaction.deserializeBinary(endorsed.getBytes())
    return prepared.getEnvelope()?.getPayload_asU8() ?? new Uint8Array(0)
  }

  /** Answers of enough organisations that are the same. */
  #collect(
    organizations: readonly (readonly PeerConnection[])[],
    enough: number,
    ask: (one: PeerConnection) => Promise<Answer>,
  ): Promise<readonly Answer[]> {
    const waiting = organizations.values()
    const over = new AbortController()
    return new Promise((resolve, reject) => {
      const answers: Answer[] = []
      const faults: LedgerError[] = []
      let left = organizations.length
      let underWay = 0
      let silent = 0
      const askOne = async (peers: readonly PeerConnection[]): Promise<void> => {
        const answered = new AbortController()
        const signal = AbortSignal.any([over.signal, answered.signal])
        let isSilent = false
        const whenSilent = (): void => {
          if (isSilent) return
          isSilent = true
          silent++
          proceed()
        }
        underWay++
        left--
        const asked = (one: PeerConnection) => {
          void this.#pool.whenSilent(one, signal).then(whenSilent, () => undefined)
          return ask(one)
        }
        try {
          answers.push(await this.#pool.try(asked, peers))
        } catch (error) {
          faults.push(refusalOf(error))
        }
        answered.abort()
        underWay--
        if (isSilent) silent--
        proceed()
      }
      const proceed = (): void => {
        if (over.signal.aborted) return
        const alike = mostAlike(answers)
        const hopeful = underWay - silent
        if (alike.length >= enough) {
          over.abort()
          resolve(alike)
        } else if (alike.length + underWay + left < enough) {
          over.abort()
          reject(whyNot(answers, faults))
        } else {
          for (let missing = enough - alike.length - hopeful; missing > 0; missing--) {
            const { value: peers } = waiting.next()
            if (peers !== undefined) void askOne(peers)
          }
        }
      }
      proceed()
    })
  }

  /** The own one first, so that its cache knows what it writes; of the others each is the next one in turn. */
  #inTurn(): readonly (readonly PeerConnection[])[] {
    const [first, ...others] = this.#pool.byOrganization()
    if (first === undefined) return []
    const start = this.#turn++ % Math.max(1, others.length)
    const last = (peers: readonly PeerConnection[]) => Number(peers.every((one) => this.#pool.isAvoided(one)))
    return [first, ...others.slice(start), ...others.slice(0, start)].toSorted((a, b) => last(a) - last(b))
  }
}

/** Those that say what most say. */
function mostAlike(answers: readonly Answer[]): readonly Answer[] {
  return answers
    .map(({ response }) => answers.filter((other) => equalBytes(other.response, response)))
    .reduce((most, group) => (group.length > most.length ? group : most), [])
}

/** A refusal of the contract says more than a peer that is away, and any peer more than none. */
function whyNot(answers: readonly Answer[], faults: readonly LedgerError[]): LedgerError {
  const refusal = faults.find((fault) => !isAway(fault))
  if (refusal !== undefined) return refusal
  if (answers.length > 1) return new LedgerError('LEDGER_BUSY', 'peers differ')
  return faults[0] ?? new LedgerError('LEDGER_UNAVAILABLE', 'too few organisations have a peer')
}

/** @see fabric-protos common/common.proto (Payload), peer/transaction.proto */
function transactionPayload(
  { channelHeader, signatureHeader, payload }: EncodedFabricProposal,
  answers: readonly Answer[],
): Uint8Array {
  const endorsements = answers.map(({ endorser, signature }) =>
    elementField(2, concat(bytesField(1, endorser), bytesField(2, signature))),
  )
  const endorsed = concat(bytesField(1, (answers[0] as Answer).response), ...endorsements)
  const action = concat(
    bytesField(1, signatureHeader),
    bytesField(2, concat(bytesField(1, payload), elementField(2, endorsed))),
  )
  const header = concat(bytesField(1, channelHeader), bytesField(2, signatureHeader))
  return concat(elementField(1, header), bytesField(2, elementField(1, action)))
}
