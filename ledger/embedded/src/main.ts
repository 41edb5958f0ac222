/**
 * The embedded ledger as a program. `--node-key` is a file with the node's private scalar (64 hex digits), `--genesis` one
 * with the encoded configuration of block 0. Prints `{"url": …}` on one line when it takes requests; ends with SIGTERM or
 * SIGINT. `--verify` checks the ledger of the folder instead, `--replay` also runs its contract again.
 *
 *     node ledger/embedded/src/main.ts FOLDER --node-key FILE [--genesis FILE] [--port N] [--host ADDRESS]
 *     node ledger/embedded/src/main.ts FOLDER --verify [--replay]
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { decodeHex, encodeHex } from '../../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../../shared/crypto/src/node-crypto.ts'
import { decodeConfiguration, LedgerError } from '../../../shared/ledger-model/src/index.ts'
import { ERROR_TABLE } from '../../../shared/protocol/src/index.ts'
import { startEmbeddedLedger } from './start.ts'
import { verifyLedger } from './verify-ledger.ts'

const crypto = createNodeCrypto()

async function serve(folder: string, options: Record<'nodeKey' | 'genesis' | 'port' | 'host', string | undefined>) {
  const { nodeKey, genesis, port = '0', host = '127.0.0.1' } = options
  if (nodeKey === undefined) throw new TypeError('--node-key is missing')
  const ledger = await startEmbeddedLedger({
    folder,
    crypto,
    nodeKey: crypto.importSigningKey(decodeHex(readFileSync(nodeKey, 'utf8').trim())),
    port: Number(port),
    host,
    onFault: (error) => say('stderr', { fault: error instanceof Error ? error.message : 'unknown' }),
    ...(genesis === undefined ? {} : { genesis: decodeConfiguration(crypto, new Uint8Array(readFileSync(genesis))) }),
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void ledger.close())
  say('stdout', { url: ledger.url })
}

async function verify(folder: string, replay: boolean) {
  const { head, ...report } = await verifyLedger(folder, { crypto, replay })
  say('stdout', { ...report, height: head.number, blockHash: encodeHex(head.hash) })
}

function say(stream: 'stdout' | 'stderr', value: object): void {
  process[stream].write(`${JSON.stringify(value)}\n`)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'node-key': { type: 'string' },
    genesis: { type: 'string' },
    port: { type: 'string' },
    host: { type: 'string' },
    verify: { type: 'boolean', default: false },
    replay: { type: 'boolean', default: false },
  },
})
try {
  const [folder] = positionals
  if (folder === undefined || positionals.length > 1) throw new TypeError('one folder is needed')
  if (values.verify) await verify(folder, values.replay)
  else {
    const { genesis, port, host } = values
    await serve(folder, { nodeKey: values['node-key'], genesis, port, host })
  }
} catch (error) {
  if (error instanceof LedgerError) {
    say('stderr', { code: error.code, ...ERROR_TABLE[error.code], block: error.block, detail: error.message })
  } else say('stderr', { detail: error instanceof Error ? error.message : 'unknown' })
  process.exitCode = 1
}
