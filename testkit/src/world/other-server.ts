/**
 * A record server beside the world's own: on a copy of its files, with another program, another platform or another
 * configuration. Whoever has the host's disk and programs can make each of them.
 *
 * @module
 */
import { join } from 'node:path'
import { HttpTransport, type Transport } from '../../../clients/sdk/src/index.ts'
import { encodeConfiguration } from '../../../secure/core/src/index.ts'
import { logOriginOf } from '../../../shared/ledger-model/src/index.ts'
import type { ServerRef } from '../../../shared/protocol/src/index.ts'
import type { HostHooks } from './host.ts'
import { InProcessTee, type InProcessTeeOptions } from './in-process-tee.ts'
import { RecordServer } from './record-server.ts'
import { copyFolder, putBackFolder } from './store-files.ts'
import type { TestWorld } from './world.ts'

export interface OtherServerOptions {
  /** Name of its folder, new unless it is there; `server` is the world's own. */
  readonly name: string
  /** What its trusted application differs in. */
  readonly tee?: Partial<InProcessTeeOptions>
  readonly hooks?: HostHooks
}

/** Not started; the test stops it. */
export function otherServer(world: TestWorld, { name, tee, hooks = {} }: OtherServerOptions): RecordServer {
  const { crypto, serverClock: clock, traffic } = world
  return new RecordServer({
    crypto,
    clock,
    folder: join(world.folder, name),
    ledger: () => world.ledger.ledger,
    identity: () => world.organization('a').admin,
    hooks,
    traffic,
    startTee: (storeFolder) => Promise.resolve(new InProcessTee({ crypto, clock, storeFolder, ...tee })),
  })
}

/** Copies the files of the world's own server, which must not run meanwhile. */
export function copyServerFiles(world: TestWorld, name: string): void {
  putBackFolder(join(world.folder, name), copyFolder(join(world.folder, 'server')))
}

export function transportTo(server: RecordServer): Transport {
  return new HttpTransport(server.url, fetch)
}

export type ServerConfiguration = Parameters<typeof encodeConfiguration>[0]

/** The configuration of the world's own server, with some members changed; another server's name unless told. */
export function configurationOf(world: TestWorld, change: Partial<ServerConfiguration> = {}): ServerConfiguration {
  const { channel, organizations, nodes, quorum } = world.genesis
  const serverRef = (change.serverRef ?? world.serverRef) as ServerRef
  return {
    channel,
    serverRef,
    organizations,
    ledgerNodes: nodes,
    quorum,
    logOrigin: logOriginOf(serverRef),
    allow: { policyCacheMs: 0 },
    ...change,
  }
}
