/**
 * Embedded ledgers for tests: in a new folder, with a consortium, and proposals in every wrong form.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { type Proposal, type SignedProposal, signProposal } from '../../shared/ledger-model/src/index.ts'
import type { LedgerIdentity } from '../../ledger/client/src/port.ts'
import { LedgerNode, type LedgerNodeOptions } from '../../ledger/embedded/src/index.ts'
import { type Consortium, createConsortium, type TestOrganization } from './consortium.ts'

const crypto = createNodeCrypto()

/** An empty folder and how to remove it. */
export function makeFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A node of a new consortium of two hospitals; nothing is registered. */
export async function openTestNode(options: Partial<LedgerNodeOptions> = {}) {
  const consortium = await createConsortium(options.nowMs === undefined ? {} : { nowMs: options.nowMs })
  const { folder, remove } = makeFolder()
  const { genesis, nodeKey, nowMs } = consortium
  const node = LedgerNode.open({ crypto, folder, genesis, nodeKey, nowMs, ...options })
  const [a, b] = consortium.organizations as [TestOrganization, TestOrganization]
  const close = () => {
    node.close()
    remove()
  }
  return { consortium, folder, node, a, b, close }
}

/** A proposal by `identity`, with some members changed before it is signed. */
export function proposalOf(
  { channel, nowMs }: Pick<Consortium, 'channel' | 'nowMs'>,
  { mspId, cert, signingKey }: LedgerIdentity,
  change: Partial<Proposal> & Pick<Proposal, 'fn' | 'args'>,
): SignedProposal {
  const nonce = crypto.randomBytes(24)
  return signProposal(crypto, signingKey, { channel, mspId, cert, nonce, timeMs: nowMs(), ...change })
}
