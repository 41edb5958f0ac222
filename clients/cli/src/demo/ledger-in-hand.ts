/**
 * The ledger in the hands of whoever has the machine, for attacks that are the same on every ledger: something that lies
 * between the record server's host and the ledger, and a file with blocks.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fabricLocation, formatFabricProfile, parseFabricProfile } from '../../../../ledger/client/src/index.ts'
import { openTlsAuthority, pathsIn } from '../../../../ledger/network/src/index.ts'
import { DATABASE_FILE } from '../../../../ledger/embedded/src/index.ts'
import type { StateFolder } from '../state-folder.ts'
import { CHANNEL } from '../system/ledger-setup.ts'
import { LyingLedger } from './lying-ledger.ts'
import { LyingPeer, type Orders } from './lying-peer.ts'
import { alterText, FolderCopy } from './server-files.ts'

/** Stands where the ledger should be. */
export interface LyingPlace {
  /** For the host's settings. */
  readonly location: string
  /** Answers given in place of the ledger's. */
  readonly lied: number
  /** From now on every question gets the newest answer of before. */
  lie(): void
  /** From now on nothing is written: checkpoints do not reach the ledger. */
  keepWrites(): void
  close(): Promise<void>
}

export interface LedgerInHand {
  /**
   * Changes one digit of a text wherever it stands in blocks; the ledger must be stopped, then and when it is undone.
   * @param copy a folder for what undoing needs.
   */
  alterBlocks(text: string, copy: string): () => void
  /** @param folder for its files. */
  lyingPlace(location: string, folder: string): Promise<LyingPlace>
}

/** A database of one node. */
export function embeddedInHand(state: StateFolder): LedgerInHand {
  return {
    alterBlocks(text, copy) {
      const good = new FolderCopy(state.ledger, copy)
      alterText(join(state.ledger, DATABASE_FILE), text)
      return () => good.putBack()
    },
    async lyingPlace(location) {
      const lying = await LyingLedger.start(location)
      return Object.assign(lying, { location: lying.url })
    },
  }
}

/** The block files of the first hospital's peer; a lie in place of every peer. */
export function fabricInHand(state: StateFolder, hospitalSlug: string): LedgerInHand {
  const paths = pathsIn(state.fabric)
  const chains = ['data', 'ledgersData', 'chains', 'chains', CHANNEL]
  return {
    // Undone in its place: the peer goes on writing to the file.
    alterBlocks: (text) => alterText(join(paths.node(`peer0.${hospitalSlug}`), ...chains, 'blockfile_000000'), text),
    async lyingPlace(_location, folder) {
      const profile = parseFabricProfile(readFileSync(paths.profile, 'utf8'))
      const authority = await openTlsAuthority(folder, 'Attacker')
      const orders: Orders = { lies: false, keepsWrites: false, lied: 0 }
      const lying: LyingPeer[] = []
      for (const node of profile.peers) {
        lying.push(await LyingPeer.start(node, await authority.issue(node.serverName ?? 'localhost'), orders))
      }
      const peers = profile.peers.map((node, i) => ({
        ...node,
        endpoint: (lying[i] as LyingPeer).endpoint,
        tlsRootPem: authority.rootPem,
      }))
      const path = join(folder, 'connection.json')
      writeFileSync(path, formatFabricProfile({ ...profile, peers }))
      return {
        location: fabricLocation(path),
        get lied() {
          return orders.lied
        },
        lie: () => void (orders.lies = true),
        keepWrites: () => void (orders.keepsWrites = true),
        close() {
          for (const one of lying) one.close()
          return Promise.resolve()
        },
      }
    },
  }
}
