/**
 * immudb (Apache-2.0 up to 1.5): a database whose entries are in a Merkle tree that its client checks. Built with Go from
 * the version and hashes in `immudb/go.mod` and `go.sum` into the user's cache; run on loopback, linked with nothing.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

export const IMMUDB_VERSION = '1.5.0'
const FOLDER = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'trusthealth/immudb', IMMUDB_VERSION)
const PROGRAMS = { immudb: 'github.com/codenotary/immudb/cmd/immudb', load: '.' } as const
/** Patience with a start, not a measure of speed. */
const STARTS_MS = 60_000

export interface PeerLoad {
  readonly perSecond: number
  readonly latenciesMs: readonly number[]
}

export interface Immudb {
  /** Verified writes or reads of `bytes` each; reads need writes by as many clients before. */
  run(work: 'set' | 'get', clients: number, windowMs: number, bytes: number): Promise<PeerLoad>
  close(): Promise<void>
}

/** Starts a server with default settings. @returns why not, where it cannot be built. */
export async function startImmudb(): Promise<Immudb | string> {
  const missing = build()
  if (missing !== undefined) return missing
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-immudb-'))
  const port = await freePort()
  const off = ['pgsql-server', 'web-server', 'metrics-server'].map((name) => `--${name}=false`)
  const place = ['--dir', join(folder, 'data'), '--address', '127.0.0.1', '--port', String(port)]
  const server = spawn(join(FOLDER, 'immudb'), [...place, ...off], { stdio: 'ignore' })
  const close = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit')
      server.kill('SIGTERM')
      await ended
    }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilOpen(port, () => server.exitCode === null)
  } catch (error) {
    await close()
    throw error
  }
  return {
    async run(work, clients, windowMs, bytes) {
      const numbers = [clients, Math.round(windowMs), bytes].map(String)
      const child = spawn(join(FOLDER, 'load'), ['127.0.0.1', String(port), folder, work, ...numbers], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let out = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
      const [code] = (await once(child, 'close')) as [number | null]
      if (code !== 0) throw new Error(`the load on immudb ended with ${code}`)
      const { perSecond, us } = JSON.parse(out) as { readonly perSecond: number; readonly us: readonly number[] }
      return { perSecond, latenciesMs: us.map((one) => one / 1000) }
    },
    close,
  }
}

function build(): string | undefined {
  if (Object.keys(PROGRAMS).every((name) => existsSync(join(FOLDER, name)))) return undefined
  mkdirSync(FOLDER, { recursive: true })
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}${delimiter}/usr/local/go/bin` }
  for (const [name, source] of Object.entries(PROGRAMS)) {
    const { status, stderr, error } = spawnSync('go', ['build', '-o', join(FOLDER, name), source], {
      cwd: join(import.meta.dirname, 'immudb'),
      env,
      encoding: 'utf8',
    })
    if (error !== undefined) return 'there is no Go to build it with'
    if (status !== 0) return `it does not build: ${stderr.trim().split('\n').at(-1) ?? ''}`
  }
  return undefined
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function untilOpen(port: number, isRunning: () => boolean): Promise<void> {
  for (const untilMs = performance.now() + STARTS_MS; performance.now() < untilMs && isRunning(); await sleep(100)) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
  }
  throw new Error('immudb did not start')
}
