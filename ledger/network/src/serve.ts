/**
 * A Fabric network as one program: makes or starts it, prints `{"url": "fabric:…/connection.json"}` on one line when every
 * peer runs the contract, and starts again what ends. Stops the network with SIGTERM, SIGINT, and when its standard input
 * ends: a network whose starter is gone does not stay behind.
 *
 * When FILE changes while it runs, organisations that are new in it join; `outcome.json` in the network's folder says what
 * came of it.
 *
 *     node ledger/network/src/serve.ts --config FILE
 *
 * @module
 */
import { readFileSync, watchFile } from 'node:fs'
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
import { NetworkError } from './errors.ts'
import { startNetwork, stopNetwork } from './network.ts'
import type { Network, NetworkOrganization } from './options.ts'
import { pathsIn } from './folder.ts'
import { writeOutcome } from './outcome.ts'
import { supervise } from './supervise.ts'

const LOOK_EVERY_MS = 250

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

type Configuration = Infer<typeof configurationShape>

function readConfiguration(file: string): Configuration {
  return configurationShape(parseJson(readFileSync(file, 'utf8'), { maxBytes: 65_536 }), 'configuration')
}

async function start(configuration: Configuration): Promise<Network> {
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

/**
 * Keeps the network running, and takes its configuration again when the file changes, until `stop` is aborted. Nothing is
 * started again while a newcomer joins: that is done afterwards.
 */
async function serve(file: string, first: Network, stop: AbortSignal): Promise<void> {
  let { nodes } = first
  let changed = new AbortController()
  watchFile(file, { interval: LOOK_EVERY_MS, persistent: false }, () => changed.abort())
  while (!stop.aborted) {
    await supervise(nodes, { signal: AbortSignal.any([stop, changed.signal]), onChange: say })
    if (stop.aborted) return
    changed = new AbortController()
    nodes = (await grown(file, stop)) ?? nodes
  }
}

/** @returns undefined if it did not come to that: what ran goes on. */
async function grown(file: string, stop: AbortSignal): Promise<Network['nodes'] | undefined> {
  let organizations: readonly string[] = []
  let outcome: string | undefined
  try {
    const configuration = readConfiguration(file)
    outcome = pathsIn(configuration.folder).outcome
    organizations = configuration.organizations.map(({ mspId }) => mspId)
    const growing = start(configuration)
    const stopping = new Promise<undefined>((resolve) => {
      stop.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    // Left unfinished by a stop: the network's end takes what it has begun, too.
    growing.catch(() => undefined)
    const network = await Promise.race([growing, stopping])
    if (network === undefined) return undefined
    writeOutcome(outcome, { organizations })
    return network.nodes
  } catch (error) {
    const code = error instanceof NetworkError ? error.code : 'NETWORK_NOT_READY'
    say(`${code}: ${error instanceof Error ? error.message : String(error)}`)
    if (outcome !== undefined) writeOutcome(outcome, { organizations, code })
    return undefined
  }
}

/** Lines on standard error: its log. */
function say(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`)
}

const { values } = parseArgs({ options: { config: { type: 'string' } } })
try {
  if (values.config === undefined) throw new TypeError('--config is missing')
  const configuration = readConfiguration(values.config)
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
  await serve(values.config, network, stop.signal)
  await network.stop()
  process.exit(0)
} catch (error) {
  const code = (error as { code?: unknown }).code ?? 'SERVICE_FAULT'
  const detail = error instanceof Error ? error.message : String(error)
  process.stderr.write(`${JSON.stringify({ code, detail })}\n`)
  process.exit(1)
}
