/**
 * Builds the portal into dist/portal when its sources changed, with integrity, compressed copies and a manifest that
 * the hospital service serves it by. `--quiet` says nothing when there is nothing to do; `--force` builds anyway.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { brotliCompressSync } from 'node:zlib'
import { listFiles, ROOT } from '../files.ts'
import { withIntegrity } from './integrity.ts'
import { PORTAL, PORTAL_OUTPUT, viteConfig } from './vite-config.ts'

const MANIFEST = 'manifest.json'
const SOURCES = ['clients/portal', 'clients/sdk', 'shared', 'tools/portal']
const SINGLE_SOURCES = ['package-lock.json', 'package.json']

/** @returns whether something was built. */
export async function bundlePortal({ force = false }: { force?: boolean } = {}): Promise<boolean> {
  const sources = sourcesDigest()
  if (!force && builtFrom() === sources) return false
  const { build } = await import('vite')
  // Beside the old one, which stays whole until the new one is.
  const output = `${PORTAL_OUTPUT}.${process.pid}.new`
  await build(viteConfig(output))
  const files = new Map(
    listFiles(output).map((path) => [`/${relative(output, path)}`, new Uint8Array(readFileSync(path))]),
  )
  const page = withIntegrity(new TextDecoder().decode(files.get('/index.html')), files)
  files.set('/index.html', new TextEncoder().encode(page.html))
  for (const [path, bytes] of files) {
    writeFileSync(join(output, path), bytes)
    writeFileSync(join(output, `${path}.br`), brotliCompressSync(bytes))
  }
  const manifest = { v: 1, sources, importMapHash: page.importMapHash, files: [...files.keys()].toSorted() }
  writeFileSync(join(output, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`)
  replace(output)
  return true
}

function replace(output: string): void {
  const old = `${PORTAL_OUTPUT}.${process.pid}.old`
  if (existsSync(PORTAL_OUTPUT)) renameSync(PORTAL_OUTPUT, old)
  renameSync(output, PORTAL_OUTPUT)
  rmSync(old, { recursive: true, force: true })
}

function builtFrom(): string | undefined {
  const file = join(PORTAL_OUTPUT, MANIFEST)
  if (!existsSync(file)) return undefined
  return (JSON.parse(readFileSync(file, 'utf8')) as { sources?: string }).sources
}

function sourcesDigest(): string {
  const hash = createHash('sha256')
  const all = [
    ...SOURCES.flatMap((folder) => listFiles(join(ROOT, folder))),
    ...SINGLE_SOURCES.map((path) => join(ROOT, path)),
  ]
  for (const path of all.filter((one) => !/\.(test|test-d)\.tsx?$|\.md$/.test(one))) {
    hash
      .update(`${relative(ROOT, path)}\0`)
      .update(readFileSync(path))
      .update('\0')
  }
  return hash.digest('hex')
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quiet: { type: 'boolean' }, force: { type: 'boolean' } } })
  if (!existsSync(PORTAL)) throw new Error('clients/portal is missing')
  const built = await bundlePortal(values.force === true ? { force: true } : {})
  if (built || values.quiet !== true) console.log(built ? 'The portal was built.' : 'The portal is built already.')
}
