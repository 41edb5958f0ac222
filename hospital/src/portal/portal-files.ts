/**
 * The portal as it was built into dist/portal: every file in memory, served under its exact name and nothing else, with the
 * Content-Security-Policy that fits this build. Nothing on the disk is looked up by what a request says.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { list, literal, parseJson, struct, text } from '../../../shared/protocol/src/index.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
}

const manifestShape = struct({
  v: literal(1),
  sources: text({ max: 64 }),
  importMapHash: text({ max: 80, pattern: /^sha256-[A-Za-z0-9+/=]+$/ }),
  files: list(text({ max: 256, pattern: /^\/[A-Za-z0-9._/-]+$/ }), { min: 1, max: 2_000 }),
})

export interface PortalFile {
  readonly path: string
  readonly type: string
  readonly bytes: Buffer
  readonly brotli: Buffer | undefined
  readonly etag: string
  /** Its name changes with its contents. */
  readonly isHashed: boolean
}

export interface PortalFiles {
  readonly files: readonly PortalFile[]
  readonly page: PortalFile
  readonly contentSecurityPolicy: string
}

/** @returns `undefined` if the portal was not built. */
export function readPortalFiles(folder: string): PortalFiles | undefined {
  const manifestFile = join(folder, 'manifest.json')
  if (!existsSync(manifestFile)) return undefined
  const manifest = manifestShape(parseJson(readFileSync(manifestFile, 'utf8'), { maxBytes: 1_048_576 }), 'manifest')
  const files = manifest.files.map((path) => readPortalFile(folder, path))
  const page = files.find(({ path }) => path === '/index.html')
  if (page === undefined) return undefined
  return { files, page, contentSecurityPolicy: contentSecurityPolicy(manifest.importMapHash) }
}

/**
 * Nothing but this origin: no inline script beside the import map, whose hash is named, no inline style, no other address,
 * no frame around the page. Script sinks take Trusted Types of one policy.
 */
export function contentSecurityPolicy(importMapHash: string): string {
  return [
    `default-src 'none'`,
    `script-src 'self' '${importMapHash}'`,
    `style-src 'self'`,
    `img-src 'self' blob:`,
    `connect-src 'self'`,
    `worker-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `require-trusted-types-for 'script'`,
    `trusted-types portal`,
  ].join('; ')
}

function readPortalFile(folder: string, path: string): PortalFile {
  const bytes = readFileSync(join(folder, path))
  const compressed = join(folder, `${path}.br`)
  return {
    path,
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    bytes,
    brotli: existsSync(compressed) ? readFileSync(compressed) : undefined,
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    isHashed: path.startsWith('/assets/'),
  }
}
