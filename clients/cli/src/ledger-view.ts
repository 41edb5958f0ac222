/**
 * The ledger as whoever runs it shows it: how far it is, how many of its nodes run, and every block for a check from the
 * first one. One view for each ledger that a system can have.
 *
 * @module
 */
import type { LedgerBlock } from '../../../ledger/client/src/index.ts'
import type { VerifyReport } from '../../../ledger/embedded/src/index.ts'
import { CryptoError, decodePem, parseCertificate } from '../../../shared/crypto/src/index.ts'
import { decodeConfiguration } from '../../../shared/ledger-model/src/index.ts'
import { ChainWalk } from '../../sdk/src/audit/chain-walk.ts'
import { ClientError } from '../../sdk/src/errors.ts'
import { usageError } from './command-error.ts'
import type { Context } from './context.ts'
import { BlockPages, openLedgerOf } from './ledger-access.ts'
import { LEDGER_PROGRAM, urlOf, type Consortium, type SystemState } from './system-file.ts'
import { readFabricConfigurations } from './system/fabric-configurations.ts'
import { readGenesis } from './system/ledger-setup.ts'

export interface LedgerFacts {
  /** Number of the newest block. */
  readonly height: number
  readonly organizations: number
  /** Of the organisations, as the ledger says. */
  readonly members: readonly string[]
  /** Processes of the ledger: those that run, and all. */
  readonly running: number
  readonly nodes: number
}

export interface LedgerCheck {
  /** Runs every transaction again, too. */
  readonly replay?: boolean
  /** A block that must be there, as an earlier check saw it. */
  readonly expectedHead?: VerifyReport['head']
  readonly onProgress?: (block: number, height: number) => void
}

export interface LedgerReport {
  readonly blocks: number
  readonly transactions: number
  readonly head: VerifyReport['head']
  /** Members of the report that only one kind of ledger has. */
  readonly more: Readonly<Record<string, number | boolean>>
  /** What was checked, as one sentence for people. */
  readonly checked: string
}

/** What only one kind of ledger has, transaction by transaction: members beside those of the port. */
export type TransactionDetails = ReadonlyMap<string, Readonly<Record<string, unknown>>>

export interface LedgerView {
  details(block: LedgerBlock): TransactionDetails
  facts(): Promise<LedgerFacts>
  /** @throws {LedgerError} `LEDGER_BLOCK_INVALID` with the block at fault. */
  verify(check: LedgerCheck): Promise<LedgerReport>
}

export async function ledgerViewOf(context: Context, consortium: Consortium, system: SystemState): Promise<LedgerView> {
  return consortium.fabric === undefined ? embeddedView(context, system) : fabricView(context, consortium, system)
}

function embeddedView(context: Context, system: SystemState): LedgerView {
  const { crypto } = context
  const pages = new BlockPages(context, urlOf(system, LEDGER_PROGRAM))
  return {
    details: () => new Map(),
    facts: async () => ({ ...(await pages.status()), running: 1, nodes: 1 }),
    async verify({ replay = false, expectedHead, onProgress = () => undefined }) {
      const kept = readGenesis(context)
      const options = {
        crypto,
        ...(kept === undefined ? {} : { genesis: decodeConfiguration(crypto, kept) }),
        ...(expectedHead === undefined ? {} : { expectedHead }),
      }
      const walk = new ChainWalk({ ...options, fetchBlocks: (from) => pages.page(from) })
      await walk.run({ onProgress: ({ blocks, height }) => onProgress(blocks - 1, height) })
      const { head } = walk
      if (head === undefined) throw new ClientError('LEDGER_BLOCK_INVALID')
      if (replay) {
        // Loaded when it is wanted: it brings the contract with it.
        const { verifyLedger } = await import('../../../ledger/embedded/src/index.ts')
        await verifyLedger(pages, {
          ...options,
          expectedHead: head,
          replay,
          onProgress: (block) => onProgress(block, head.number),
        })
      }
      const { blocks, transactions } = walk.progress
      return {
        blocks,
        transactions,
        head,
        more: { stateKeys: walk.stateKeys, replayed: replay },
        checked: `hash chain, signatures of the node, of every writer and of every author${replay ? ', every result by running it again' : ''}`,
      }
    },
  }
}

async function fabricView(context: Context, consortium: Consortium, system: SystemState): Promise<LedgerView> {
  const { fabricTransactionsOf, verifyFabricChain } = await import('../../../ledger/client/src/fabric/index.ts')
  const { crypto, state } = context
  const { fabric } = consortium
  return {
    details: ({ encoded }) =>
      new Map(
        fabricTransactionsOf(encoded).map(({ txId, validationCode, chaincode, endorsements }) => [
          txId,
          {
            validationCode,
            chaincode,
            endorsedBy: endorsements.map(({ mspId, certificate }) => nameOf(mspId, certificate)),
          },
        ]),
      ),
    async facts() {
      const ledger = await openLedgerOf(context, consortium, system)
      try {
        const { networkStatus } = await import('../../../ledger/network/src/index.ts')
        const nodes = (await networkStatus(state.fabric))?.nodes ?? []
        const running = nodes.filter(({ pid }) => pid !== 0).length
        const members = fabric?.organizations.map(({ mspId }) => mspId) ?? []
        const height = await ledger.height()
        return { height, organizations: members.length, members, running, nodes: nodes.length }
      } finally {
        await ledger.close()
      }
    },
    async verify({ replay = false, expectedHead, onProgress = () => undefined }) {
      if (replay) throw usageError('Transactions of Fabric are not run again: peers of a majority signed each result.')
      const ledger = await openLedgerOf(context, consortium, system)
      try {
        const height = await ledger.height()
        const [first] = readFabricConfigurations(state)
        const report = await verifyFabricChain(ledger, {
          crypto,
          channel: consortium.channel,
          trust: fabric as NonNullable<typeof fabric>,
          ...(first === undefined ? {} : { firstMembers: first.fabric.organizations }),
          height,
          onProgress: (block) => onProgress(block, height),
          ...(expectedHead === undefined ? {} : { expectedHead }),
        })
        const { blocks, transactions, head, endorsements, ordererSignatures } = report
        return {
          blocks,
          transactions,
          head,
          more: { endorsements, ordererSignatures },
          checked:
            'hash chain from the first block, contents of every block, signatures of orderers and of every writer, ' +
            'and of peers of a majority under every result that counts',
        }
      } finally {
        await ledger.close()
      }
    },
  }
}

/** `HospitalA peer0.hospital-a`; the organisation alone if the certificate cannot be read. */
function nameOf(mspId: string, certificate: string): string {
  try {
    const [cert = new Uint8Array(0)] = decodePem('CERTIFICATE', certificate)
    return `${mspId} ${parseCertificate(cert).subject.commonName}`
  } catch (error) {
    if (error instanceof CryptoError) return mspId
    throw error
  }
}
