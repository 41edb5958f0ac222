/**
 * Builds the trusted application into one file, whose SHA-256 is its measurement, and beside it the hosts that run it:
 * a process's (node-host.mjs) and TrustZone's (optee-host.mjs, which the C build puts into its binary). Compares what
 * went into each with its reviewed list secure/ta/tcb*.txt: a new line there is a larger trusted computing base and shows
 * in the diff of the change that brings it. `--write` accepts the present lists. `--check-reproducible` builds the
 * measured file in two other folders, too.
 * `--allow-unreviewed` builds while the list still differs, for tests on the way; `--quiet` says nothing when all is well.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { build, type Plugin } from 'esbuild'
import { ROOT } from './files.ts'

const FOLDER = 'dist/ta'
const MEASURED = 'trusted-application.mjs'
const NODE_HOST = 'node-host.mjs'

/** One file that is built, and all it may take from its platform: anything else does not resolve and fails the build. */
interface Artifact {
  readonly entry: string
  readonly list: string
  readonly output: string
  readonly fromPlatform: readonly string[]
  /** Whether it runs the measured file, and shares that file's modules instead of having its own copies. */
  readonly isHost: boolean
}

const APPLICATION: Artifact = {
  entry: 'secure/ta/src/trusted-application.ts',
  list: 'secure/ta/tcb.txt',
  output: MEASURED,
  fromPlatform: [],
  isHost: false,
}

const HOSTS: readonly Artifact[] = [
  {
    entry: 'secure/ta/src/main.ts',
    list: 'secure/ta/tcb-node-host.txt',
    output: NODE_HOST,
    fromPlatform: [
      'better-sqlite3-multiple-ciphers',
      'node:buffer',
      'node:crypto',
      'node:fs',
      'node:path',
      'node:process',
      'node:zlib',
    ],
    isHost: true,
  },
  {
    entry: 'secure/ta/src/optee-host.ts',
    list: 'secure/ta/tcb-optee-host.txt',
    output: 'optee-host.mjs',
    fromPlatform: [],
    isHost: true,
  },
]

/** What a host takes from the measured file: every module of these, but implementations of the Crypto port. */
const SHARED_WITH_HOSTS = /^(shared|secure\/core|secure\/ta\/src\/trusted-application\.ts)/
const PORT_IMPLEMENTATION = /^shared\/crypto\/src\/(node-crypto|portable-[a-z]+)\.ts$/

export interface Bundle {
  readonly contents: Uint8Array
  /** SHA-256 of the contents, hexadecimal: the measurement. */
  readonly sha256: string
  /** Paths of the files of which something is in the contents, then what is taken from the platform, each sorted. */
  readonly parts: readonly string[]
  /** Paths of all files that were read, also those of which nothing was needed. */
  readonly inputs: readonly string[]
  /** Names that other files can import. */
  readonly exports: readonly string[]
}

/**
 * Bundles `entry` of the repository at `root`. The same sources give the same bytes, wherever `root` is.
 * @param fromPlatform names that it may import: for the measured file none.
 */
export async function bundle(
  root: string,
  entry: string,
  fromPlatform: readonly string[] = [],
  plugins: Plugin[] = [],
): Promise<Bundle> {
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    // Neutral: a built-in that is not listed is an error of the build, not a surprise at run time.
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import', 'default'],
    target: 'es2023',
    charset: 'utf8',
    legalComments: 'none',
    external: [...fromPlatform],
    plugins,
    metafile: true,
    write: false,
    outfile: MEASURED,
    logLevel: 'silent',
    // Not the tsconfig.json that happens to lie in a folder above.
    tsconfigRaw: {},
  })
  const contents = outputFiles[0]?.contents ?? new Uint8Array()
  const outputs = Object.values(metafile.outputs)
  const taken = outputs.flatMap((output) => output.imports.map(({ path }) => path))
  const used = outputs.flatMap(({ inputs }) => Object.keys(inputs).filter((path) => inputs[path]?.bytesInOutput !== 0))
  return {
    contents,
    sha256: createHash('sha256').update(contents).digest('hex'),
    parts: [...used.toSorted(), ...[...new Set(taken)].toSorted().map((name) => `from the platform: ${name}`)],
    inputs: Object.keys(metafile.inputs),
    exports: outputs.flatMap((output) => output.exports),
  }
}

/** Modules that the measured file has are taken from there: it and its host know one class of each error. */
const sharing = (root: string): Plugin => ({
  name: 'share-the-measured-file',
  setup(builder) {
    builder.onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined
      const file = relative(root, join(resolveDir, path))
      if (!SHARED_WITH_HOSTS.test(file) || PORT_IMPLEMENTATION.test(file)) return undefined
      return { path: `./${MEASURED}`, external: true }
    })
  },
})

/** Names that a host imports of the measured file and that are not there: it would not start. */
export function findMissing(host: Uint8Array, exports: readonly string[]): string[] {
  const imports = new TextDecoder().decode(host).matchAll(/^import \{([^}]*)\} from "\.\/trusted-application\.mjs";$/gm)
  const names = [...imports].flatMap(([, list = '']) => list.split(',').map((one) => one.trim().split(' as ')[0] ?? ''))
  if (names.length === 0) return ['the host imports nothing of the measured file']
  return names.filter((name) => !exports.includes(name)).map((name) => `the measured file does not export ${name}`)
}

export interface BuiltApplication {
  /** The measured file. */
  readonly taPath: string
  /** SHA-256 of it, hexadecimal. */
  readonly measurement: string
  /** What runs it in a process. */
  readonly hostPath: string
}

/** Builds the measured file and the process's host into a folder, for those who start them. */
export async function buildApplication(folder: string): Promise<BuiltApplication> {
  const taPath = join(folder, MEASURED)
  const hostPath = join(folder, NODE_HOST)
  const application = await bundle(ROOT, APPLICATION.entry)
  mkdirSync(folder, { recursive: true })
  writeFileSync(taPath, application.contents)
  const host = HOSTS.find(({ output }) => output === NODE_HOST)
  if (host === undefined) throw new Error('no host')
  writeFileSync(hostPath, (await bundleHost(ROOT, host.entry, host.fromPlatform)).contents)
  return { taPath, measurement: application.sha256, hostPath }
}

/** The measured file as it would be built now, for its bill of materials. */
export async function measuredFile(): Promise<Pick<Bundle, 'sha256' | 'parts'> & { readonly name: string }> {
  const { sha256, parts } = await bundle(ROOT, APPLICATION.entry)
  return { name: MEASURED, sha256, parts }
}

/** For tests that start the product as people do: builds it where it is expected unless it stands there. */
export async function ensureApplication(): Promise<void> {
  const folder = join(ROOT, FOLDER)
  if (![MEASURED, NODE_HOST].every((name) => existsSync(join(folder, name)))) await buildApplication(folder)
}

/** Bundles a host of the measured file. */
export async function bundleHost(root: string, entry: string, fromPlatform: readonly string[]): Promise<Bundle> {
  return await bundle(root, entry, fromPlatform, [sharing(root)])
}

/** Copies what was read for a bundle to a new folder and builds there. */
export async function bundleElsewhere(root: string, entry: string, inputs: readonly string[], name: string) {
  const folder = mkdtempSync(join(tmpdir(), name))
  try {
    for (const file of inputs.flatMap((input) => [input, ...manifests(input)])) {
      if (!existsSync(join(root, file))) continue
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      copyFileSync(join(root, file), join(folder, file))
    }
    return await bundle(folder, entry)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Where the package.json of an installed package may stand: the bundler resolves through it. */
function manifests(file: string): string[] {
  const found = ['package.json']
  for (let folder = dirname(file); folder.includes('node_modules/'); folder = dirname(folder)) {
    found.push(`${folder}/package.json`)
  }
  return found
}

/** Ways in which a measured file could run code that was not measured. One sentence for each that stands in it. */
export function findLoaders(contents: Uint8Array): string[] {
  const found = new TextDecoder().decode(contents).match(/\b(import|require|createRequire|eval|Function)\s*\(/g) ?? []
  return [...new Set(found)].map((call) => `the bundle can load what was not measured: ${call}…)`)
}

/** One sentence for each part that is new or gone. */
export function compareParts(parts: readonly string[], reviewed: readonly string[]): string[] {
  return [
    ...parts.filter((part) => !reviewed.includes(part)).map((part) => `not in the reviewed list: ${part}`),
    ...reviewed.filter((part) => !parts.includes(part)).map((part) => `in the list, not in the bundle: ${part}`),
  ]
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      write: { type: 'boolean', default: false },
      'check-reproducible': { type: 'boolean', default: false },
      'allow-unreviewed': { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
    },
  })
  const faults: string[] = []
  const application = await bundle(ROOT, APPLICATION.entry)
  for (const artifact of [APPLICATION, ...HOSTS]) {
    const { entry, list, output, fromPlatform, isHost } = artifact
    const built = isHost ? await bundleHost(ROOT, entry, fromPlatform) : application
    if (built.parts.length < 2) throw new Error(`bundled almost nothing of ${entry}: the check did not look`)
    mkdirSync(join(ROOT, FOLDER), { recursive: true })
    writeFileSync(join(ROOT, FOLDER, output), built.contents)

    if (values.write) writeFileSync(join(ROOT, list), `${built.parts.join('\n')}\n`)
    const reviewed = existsSync(join(ROOT, list)) ? readFileSync(join(ROOT, list), 'utf8').trim().split('\n') : []
    const differences = values['allow-unreviewed'] ? [] : compareParts(built.parts, reviewed)
    if (differences.length > 0) differences.push(`${list} is reviewed: accept a change with --write and say why`)
    faults.push(...differences, ...findLoaders(built.contents))
    if (isHost) faults.push(...findMissing(built.contents, application.exports))
    if (!values.quiet) console.log(`${FOLDER}/${output}: ${built.parts.length} parts, ${built.contents.length} bytes`)
  }

  if (values['check-reproducible']) {
    for (const name of ['a', 'another-folder-with-a-longer-name-']) {
      const { sha256 } = await bundleElsewhere(ROOT, APPLICATION.entry, application.inputs, name)
      if (sha256 !== application.sha256) faults.push(`not reproducible: ${sha256} when built in another folder`)
    }
  }

  for (const fault of faults) console.error(fault)
  if (!values.quiet) {
    const reproducible = values['check-reproducible'] && faults.length === 0 ? ', reproducible' : ''
    console.log(`measurement: sha256 ${application.sha256}${reproducible}`)
  }
  if (faults.length > 0) process.exitCode = 1
}

if (import.meta.main) await main()
