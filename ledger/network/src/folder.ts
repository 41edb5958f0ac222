/**
 * Where things are in the folder of a network. Keys are readable by their owner only.
 *
 * @module
 */
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface FolderPaths {
  readonly root: string
  readonly plan: string
  readonly lock: string
  /** For clients. */
  readonly profile: string
  /** What came of the last change. */
  readonly outcome: string
  readonly channel: string
  readonly builder: string
  /** Of an organisation: authority files, MSP definition, administrator. */
  organization(mspId: string): string
  /** Of a node: configuration, keys, data, log. */
  node(name: string): string
}

export function pathsIn(root: string): FolderPaths {
  return {
    root,
    plan: join(root, 'network.json'),
    lock: join(root, 'network.lock'),
    profile: join(root, 'connection.json'),
    outcome: join(root, 'outcome.json'),
    channel: join(root, 'channel'),
    builder: join(root, 'builder'),
    organization: (mspId) => join(root, 'organizations', mspId),
    node: (name) => join(root, 'nodes', name),
  }
}

/** What a node of the network has in its folder. */
export function nodePaths(folder: string) {
  return {
    folder,
    msp: join(folder, 'msp'),
    tls: join(folder, 'tls'),
    tlsCertificate: join(folder, 'tls/server.crt'),
    tlsKey: join(folder, 'tls/server.key'),
    tlsRoot: join(folder, 'tls/ca.crt'),
    data: join(folder, 'data'),
    log: join(folder, 'node.log'),
    process: join(folder, 'process.json'),
  }
}

export type NodePaths = ReturnType<typeof nodePaths>

/** Replaces `path` in one step; owner only. */
export function writeOwnFile(path: string, contents: string | Uint8Array, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, contents, { mode })
  chmodSync(`${path}.new`, mode)
  renameSync(`${path}.new`, path)
}
