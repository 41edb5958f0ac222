/**
 * Builds the trusted application into one file, whose SHA-256 is its measurement, and compares what went in with the
 * reviewed list secure/ta/tcb.txt: a new line there is a larger trusted computing base and shows in the diff of the
 * change that brings it. `--write` accepts the present list. `--check-reproducible` builds in two other folders, too.
 * `--allow-unreviewed` builds while the list still differs, for tests on the way; `--quiet` says nothing when all is well.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { ROOT } from './files.ts'

const ENTRY = 'secure/ta/src/main.ts'
const LIST = 'secure/ta/tcb.txt'
const OUTPUT = 'dist/ta/trusted-application.mjs'

/** All that the trusted application may take from its platform. Anything else does not resolve and fails the build. */
const FROM_PLATFORM = [
  'better-sqlite3-multiple-ciphers',
  'node:buffer',
  'node:crypto',
  'node:fs',
  'node:path',
  'node:process',
]

export interface Bundle {
  readonly contents: Uint8Array
  /** SHA-256 of the contents, hexadecimal: the measurement. */
  readonly sha256: string
  /** Paths of the files of which something is in the contents, then what is taken from the platform, each sorted. */
  readonly parts: readonly string[]
  /** Paths of all files that were read, also those of which nothing was needed. */
  readonly inputs: readonly string[]
}

/** Bundles `entry` of the repository at `root`. The same sources give the same bytes, wherever `root` is. */
export async function bundle(root: string, entry: string): Promise<Bundle> {
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
    external: FROM_PLATFORM,
    metafile: true,
    write: false,
    outfile: 'trusted-application.mjs',
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
  }
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
  const built = await bundle(ROOT, ENTRY)
  if (built.parts.length < 2) throw new Error('bundled almost nothing: the check did not look')
  mkdirSync(join(ROOT, dirname(OUTPUT)), { recursive: true })
  writeFileSync(join(ROOT, OUTPUT), built.contents)

  if (values.write) writeFileSync(join(ROOT, LIST), `${built.parts.join('\n')}\n`)
  const reviewed = existsSync(join(ROOT, LIST)) ? readFileSync(join(ROOT, LIST), 'utf8').trim().split('\n') : []
  const differences = values['allow-unreviewed'] ? [] : compareParts(built.parts, reviewed)
  const faults = [...differences, ...findLoaders(built.contents)]

  if (values['check-reproducible']) {
    for (const name of ['a', 'another-folder-with-a-longer-name-']) {
      const { sha256 } = await bundleElsewhere(ROOT, ENTRY, built.inputs, name)
      if (sha256 !== built.sha256) faults.push(`not reproducible: ${sha256} when built in another folder`)
    }
  }

  for (const fault of faults) console.error(fault)
  if (differences.length > 0) console.error(`${LIST} is reviewed: accept a change with --write and say why`)
  if (!values.quiet) {
    const reproducible = values['check-reproducible'] && faults.length === 0 ? ', reproducible' : ''
    console.log(`${OUTPUT}: ${built.parts.length} parts, ${built.contents.length} bytes${reproducible}`)
    console.log(`sha256 ${built.sha256}`)
  }
  if (faults.length > 0) process.exitCode = 1
}

if (import.meta.main) await main()
