/**
 * A Fabric network as one program: makes or starts it, prints `{"url": "fabric:…/connection.json"}` on one line when every
 * peer runs the contract, and starts again what ends. Stops the network with SIGTERM, SIGINT, and when its standard input
 * ends: a network whose starter is gone does not stay behind.
 *
 *     node ledger/network/src/serve.ts --config FILE
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { openOrganization } from '../../../hospital/src/organization.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { channelShape } from '../../../shared/ledger-model/src/index.ts'
import {
  type Infer,
  list,
  literal,
  mspIdShape,
  optional,
  parseJson,
  struct,
  text,
  uint,
} from '../../../shared/protocol/src/index.ts'
import { fabricLocation } from '../../client/src/fabric/profile.ts'
import { startNetwork, stopNetwork } from './network.ts'
import type { Network, NetworkOrganization } from './options.ts'
import { pathsIn } from './folder.ts'
import { supervise } from './supervise.ts'

const path = text({ min: 1, max: 4_096, pattern: /^\// })

const configurationShape = struct({
  v: literal(1),
  /** Of the network; absolute, like the organisations'. */
  folder: path,
  channel: channelShape,
  chaincode: optional(text({ min: 1, max: 64 })),
  batchTimeoutMs: optional(uint({ min: 1, max: 60_000 })),
  /** Each with the folder where its keys are. */
  organizations: list(struct({ mspId: mspIdShape, name: text({ min: 1, max: 128 }), folder: path }), {
    min: 1,
    max: 64,
  }),
})

async function start(configuration: Infer<typeof configurationShape>): Promise<Network> {
  const { folder, channel, chaincode, batchTimeoutMs } = configuration
  const crypto = createNodeCrypto()
  const organizations: NetworkOrganization[] = []
  for (const { mspId, name, folder: keys } of configuration.organizations) {
    const { authority } = await openOrganization(keys, { crypto, mspId, nowMs: Date.now })
    organizations.push({ mspId, name, authority })
  }
  return await startNetwork({
    folder,
    organizations,
    channel,
    ...(chaincode === undefined ? {} : { chaincode }),
    ...(batchTimeoutMs === undefined ? {} : { batchTimeoutMs }),
    onProgress: say,
  })
}

/** Lines on standard error: its log. */
function say(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`)
}

const { values } = parseArgs({ options: { config: { type: 'string' } } })
try {
  if (values.config === undefined) throw new TypeError('--config is missing')
  const parsed = parseJson(readFileSync(values.config, 'utf8'), { maxBytes: 65_536 })
  const configuration = configurationShape(parsed, 'configuration')
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
  if (!process.stdin.isTTY) {
    for (const event of ['end', 'error']) process.stdin.on(event, () => stop.abort())
    process.stdin.resume()
  }
  const network = await start(configuration).catch(async (error: unknown) => {
    await stopNetwork(configuration.folder)
    throw error
  })
  process.stdout.write(`${JSON.stringify({ url: fabricLocation(pathsIn(configuration.folder).profile) })}\n`)
  await supervise(network.nodes, { signal: stop.signal, onChange: say })
  await network.stop()
  process.exit(0)
} catch (error) {
  const code = (error as { code?: unknown }).code ?? 'SERVICE_FAULT'
  const detail = error instanceof Error ? error.message : String(error)
  process.stderr.write(`${JSON.stringify({ code, detail })}\n`)
  process.exit(1)
}
