/**
 * The ledger for commands that need no person: whoever holds a certificate of a member may read it. Acts with the key
 * of `--as` where that has a certificate, else with the auditor's, else with that of a hospital.
 *
 * @module
 */
import { openLedger, type Ledger, type LedgerIdentity } from '../../../ledger/client/src/index.ts'
import { decodeBlocks, type EncodedBlock } from '../../../shared/ledger-model/src/index.ts'
import type { BlockPage } from '../../sdk/src/audit/chain-walk.ts'
import { ClientError } from '../../sdk/src/errors.ts'
import { VerifyingLedgerReader } from '../../sdk/src/ledger-reader.ts'
import { CommandError, doing } from './command-error.ts'
import { timeoutOf } from './connection.ts'
import type { Context } from './context.ts'
import { findIdentity, listIdentities, type StoredIdentity } from './identities.ts'
import {
  consortiumConfigOf,
  LEDGER_PROGRAM,
  requireSystem,
  urlOf,
  type Consortium,
  type SystemState,
} from './system-file.ts'

const BLOCKS_A_PAGE = 100

/** Closes nothing by itself: call `close`. */
export function openLedgerOf(context: Context, consortium: Consortium, system: SystemState): Promise<Ledger> {
  return openLedger(urlOf(system, LEDGER_PROGRAM), {
    crypto: context.crypto,
    channel: consortium.channel,
    identity: memberIdentity(context),
    deadlineMs: timeoutOf(context),
    nowMs: () => context.clock.nowMs(),
  })
}

/** Does one thing with the ledger of this system. @throws {CommandError} beginning with `failed`, as `doing` */
export async function withLedger<T>(
  context: Context,
  failed: string,
  work: (ledger: Ledger) => Promise<T>,
): Promise<T> {
  const { consortium, system } = requireSystem(context.state)
  const ledger = await openLedgerOf(context, consortium, system)
  try {
    return await doing(failed, () => work(ledger))
  } finally {
    await ledger.close()
  }
}

/** Proven reads, straight from the ledger. */
export async function ledgerReaderOf(
  context: Context,
  consortium: Consortium,
  system: SystemState,
): Promise<VerifyingLedgerReader> {
  const ledger = await openLedgerOf(context, consortium, system)
  return new VerifyingLedgerReader(
    context.crypto,
    consortiumConfigOf(consortium),
    (queries, nonce, minHeight) =>
      ledger.endorsedReads({ queries, nonce, ...(minHeight === undefined ? {} : { minHeight }) }),
    'the ledger itself',
  )
}

/** The embedded ledger's blocks by number, fetched in pages; everybody who reaches the ledger may read them. */
export class BlockPages {
  readonly #context: Pick<Context, 'flags'>
  readonly #url: string
  #first = 0
  #page: readonly EncodedBlock[] = []

  constructor(context: Pick<Context, 'flags'>, ledgerUrl: string) {
    this.#context = context
    this.#url = ledgerUrl
  }

  /** Blocks from a number on, and how many there are. @throws {ClientError} `LEDGER_UNAVAILABLE` */
  async page(from: number): Promise<BlockPage> {
    const { height } = await this.status()
    return { height, blocks: decodeBlocks(await this.#get(`/v1/blocks?from=${from}&limit=${BLOCKS_A_PAGE}`)) }
  }

  /** Undefined after the last one. @throws {ClientError} `LEDGER_UNAVAILABLE` */
  async block(number: number): Promise<EncodedBlock | undefined> {
    const known = this.#page[number - this.#first]
    if (known !== undefined) return known
    this.#first = number
    this.#page = (await this.page(number)).blocks
    return this.#page[0]
  }

  /** Number of the newest block, and of the organisations; as the node says. */
  async status(): Promise<{ height: number; organizations: number; members: readonly string[] }> {
    const answer = JSON.parse(new TextDecoder().decode(await this.#get('/v1/status'))) as {
      height: number
      organizations: readonly string[]
    }
    const { height, organizations: members } = answer
    return { height, organizations: members.length, members }
  }

  async #get(path: string): Promise<Uint8Array> {
    try {
      const response = await fetch(this.#url + path, { signal: AbortSignal.timeout(timeoutOf(this.#context)) })
      if (response.ok) return new Uint8Array(await response.arrayBuffer())
    } catch (cause) {
      throw new ClientError('LEDGER_UNAVAILABLE', { cause })
    }
    throw new ClientError('LEDGER_UNAVAILABLE')
  }
}

/** Who asks the ledger: see above. */
export function memberIdentity(context: Context): LedgerIdentity {
  const { state, crypto, flags } = context
  const candidates =
    flags.as === undefined
      ? listIdentities(state, crypto)
      : [findIdentity(state, crypto, flags.as), ...listIdentities(state, crypto)]
  const rank = ({ identity }: StoredIdentity) =>
    identity.kind === 'auditor' ? 0 : identity.kind === 'organization' ? 1 : 2
  const members = candidates.filter(({ identity }) => identity.credential.kind === 'x509')
  const [asked] = candidates
  const chosen =
    flags.as !== undefined && asked?.identity.credential.kind === 'x509'
      ? asked
      : members.toSorted((a, b) => rank(a) - rank(b))[0]
  if (chosen === undefined || chosen.identity.credential.kind !== 'x509') {
    throw new CommandError('CLIENT_NO_IDENTITY', { what: 'No key on this device has a certificate of a member.' })
  }
  const [cert] = chosen.identity.credential.chain
  return { mspId: chosen.identity.mspId, cert: cert as Uint8Array, signingKey: chosen.keys.signingKey }
}
