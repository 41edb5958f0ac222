/**
 * Builds Fabric's programs with the Go toolchain where no release of Fabric is installed: from the module
 * github.com/hyperledger/fabric at a pinned commit, everything it needs pinned by digest in ../programs/go.sum. Go's
 * module proxies do not have the tags of releases, which are no valid versions of a module without /v2; they have this
 * commit of the main branch (5 April 2023, after v2.5.0). Good for development and tests; operators install a release.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Binaries, builtFolder, BUILT_VERSION, findBinaries, PROGRAMS } from './binaries.ts'
import { NetworkError } from './errors.ts'

const MODULE = 'github.com/hyperledger/fabric'
const SOURCE = resolve(import.meta.dirname, '../programs')
const MAX_KEPT_OUTPUT = 4_000

type Environment = Readonly<Record<string, string | undefined>>

export interface BuildOptions {
  readonly environment?: Environment
  readonly onProgress?: (line: string) => void
}

/**
 * The programs as `findBinaries` finds them, else built; only where nobody chose a folder.
 * @throws {NetworkError} `NETWORK_BINARIES_MISSING` also where there is no Go; `NETWORK_TOOL_FAILED` with what Go says.
 */
export async function ensureBinaries(bin: string | undefined, options: BuildOptions = {}): Promise<Binaries> {
  const { environment = process.env, onProgress = () => undefined } = options
  try {
    return findBinaries(bin, environment)
  } catch (error) {
    const isMissing = error instanceof NetworkError && error.code === 'NETWORK_BINARIES_MISSING'
    const isChosen = bin !== undefined || environment['FABRIC_BIN'] !== undefined
    if (!isMissing || isChosen || !(await runs('go', ['version'], environment))) throw error
  }
  onProgress(
    `Fabric's programs are not here: building ${MODULE} ${BUILT_VERSION} with Go, once; this takes some minutes`,
  )
  await build(builtFolder(environment), environment)
  onProgress(`built: ${builtFolder(environment)}`)
  return findBinaries(undefined, environment)
}

async function build(bin: string, environment: Environment): Promise<void> {
  await buildGoPrograms(dirname(bin), {
    source: SOURCE,
    packages: PROGRAMS.map((program) => `${MODULE}/cmd/${program}`),
    version: `-X ${MODULE}/common/metadata.Version=${BUILT_VERSION}`,
    environment,
    async finish(folder) {
      const list = ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', MODULE]
      const source = (await go(list, SOURCE, environment)).trim()
      mkdirSync(join(folder, 'config'))
      for (const file of ['core.yaml', 'orderer.yaml']) {
        copyFileSync(join(source, 'sampleconfig', file), join(folder, 'config', file))
      }
    },
  })
}

export interface GoPrograms {
  /** Folder with go.mod and go.sum. */
  readonly source: string
  readonly packages: readonly string[]
  /** For the linker: what the programs say is their version. */
  readonly version: string
  readonly environment: Environment
  /** What else belongs into the folder. */
  readonly finish?: (folder: string) => Promise<void>
}

/**
 * Builds programs into `release`/bin: into a folder beside, then renamed, so that what is there is whole.
 * @throws {NetworkError} `NETWORK_TOOL_FAILED` with what Go says.
 */
export async function buildGoPrograms(release: string, programs: GoPrograms): Promise<void> {
  const { source, packages, version, environment, finish } = programs
  mkdirSync(dirname(release), { recursive: true })
  const folder = mkdtempSync(`${release}-`)
  try {
    const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', version]
    await go(['build', ...flags, '-o', join(folder, 'bin') + '/', ...packages], source, environment)
    await finish?.(folder)
    if (existsSync(release)) rmSync(release, { recursive: true })
    renameSync(folder, release)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runs(program: string, args: readonly string[], environment: object): Promise<boolean> {
  return (await outputOf(program, args, SOURCE, environment)).status === 0
}

async function go(args: readonly string[], source: string, environment: object): Promise<string> {
  const { status, output, errors } = await outputOf('go', args, source, environment)
  if (status === 0) return output
  throw new NetworkError('NETWORK_TOOL_FAILED', `go ${args[0] ?? ''} failed: ${errors.trim().split('\n').at(-1) ?? ''}`)
}

function outputOf(
  program: string,
  args: readonly string[],
  cwd: string,
  environment: object,
): Promise<{ readonly status: number | null; readonly output: string; readonly errors: string }> {
  return new Promise((done) => {
    const env = { ...environment } as NodeJS.ProcessEnv
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-MAX_KEPT_OUTPUT)))
    child.once('error', ({ message }) => done({ status: null, output, errors: message }))
    child.once('close', (status) => done({ status, output, errors }))
  })
}
