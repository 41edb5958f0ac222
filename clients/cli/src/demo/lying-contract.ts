/**
 * The contract's process of one organisation in the hands of somebody who wants other answers: the true process is
 * ended, and one takes its place whose endorsed reads are wrong. Its peer signs them: it cannot know.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nodePaths, pathsIn, type NodeStatus } from '../../../../ledger/network/src/index.ts'
import { PRODUCT_FOLDER } from '../version.ts'
import { eventually } from './expect.ts'

const SHIM = createRequire(import.meta.url).resolve('fabric-shim/cli.js')
const CONTRACTS = join(PRODUCT_FOLDER, 'ledger', 'network', 'src', 'chaincode', 'index.ts')

/** Every number that ends a member of a result becomes another one. */
const LIES = `
import { contracts as honest } from ${JSON.stringify(pathToFileURL(CONTRACTS).href)}
const [Main, Reads] = honest
const altered = (result) =>
  result.replace(/\\d(?=[,}\\]])/g, (digit) => String((Number(digit) + 1 + Math.floor(Math.random() * 9)) % 10))
function Lying() {
  const reads = new Reads()
  const { answer } = Object.getPrototypeOf(reads)
  Object.getPrototypeOf(reads).answer = async function (ctx, nonceHex, queriesJson) {
    const told = JSON.parse(await answer.call(this, ctx, nonceHex, queriesJson))
    return JSON.stringify({
      ...told,
      answers: told.answers.map(({ status, result }) => ({ status, result: altered(result) })),
    })
  }
  return reads
}
export const contracts = [Main, Lying]
`

export class LyingContract {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /**
   * Takes the place of a process that has ended. Returns when it listens.
   * @param network its folder
   * @param folder for the program that lies.
   */
  static async start(network: string, node: NodeStatus, folder: string): Promise<LyingContract> {
    const { name, mspId, endpoint } = node
    const paths = pathsIn(network)
    const own = nodePaths(paths.node(name))
    const contents = readFileSync(join(paths.organization(mspId), 'chaincode.tar.gz'))
    const id = `trusthealth:${createHash('sha256').update(contents).digest('hex')}`
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(
      join(folder, 'package.json'),
      '{"name":"lying","version":"1.0.0","type":"module","main":"index.js"}\n',
    )
    writeFileSync(join(folder, 'index.js'), LIES)
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        SHIM,
        'server',
        `--chaincode-address=${endpoint}`,
        `--chaincode-id=${id}`,
        `--chaincode-tls-cert-file=${own.tlsCertificate}`,
        `--chaincode-tls-key-file=${own.tlsKey}`,
        `--chaincode-tls-client-cacert-file=${own.tlsRoot}`,
        `--module-path=${folder}`,
      ],
      { stdio: 'ignore', cwd: folder },
    )
    const lying = new LyingContract(child)
    try {
      await eventually(`${name} in other hands`, async () => ((await listens(endpoint)) ? true : undefined))
      return lying
    } catch (error) {
      await lying.close()
      throw error
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }
}

function listens(endpoint: string): Promise<boolean> {
  const colon = endpoint.lastIndexOf(':')
  return new Promise((resolve) => {
    const socket = connect({ host: endpoint.slice(0, colon), port: Number(endpoint.slice(colon + 1)) })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
