/**
 * Subresource integrity for every script and style of the built portal, the lazy ones included: those are named in an
 * import map inside the page, whose own hash stands in the Content-Security-Policy. Without that hash a browser drops the
 * map in silence, so a test reads both.
 *
 * @module
 */
import { createHash } from 'node:crypto'

const digest = (algorithm: string, bytes: Uint8Array | string) =>
  `${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}`

export interface BuiltPage {
  readonly html: string
  /** `sha256-…` of the inline import map, for `script-src`. */
  readonly importMapHash: string
}

/**
 * @param html index.html as the bundler wrote it.
 * @param files bytes by path, `/assets/x.js`.
 */
export function withIntegrity(html: string, files: ReadonlyMap<string, Uint8Array>): BuiltPage {
  const integrityOf = (path: string) => {
    const bytes = files.get(path)
    if (bytes === undefined) throw new Error(`the page names ${path}, which was not built`)
    return digest('sha384', bytes)
  }
  const scripts = [...files.keys()].filter((path) => path.endsWith('.js')).toSorted()
  const map = JSON.stringify({ integrity: Object.fromEntries(scripts.map((path) => [path, integrityOf(path)])) })
  const named = html.replace(
    /<(script|link)\b([^>]*?)\b(src|href)="(\/assets\/[^"]+)"([^>]*)>/g,
    (_tag, name: string, before: string, attribute: string, path: string, after: string) =>
      `<${name}${before}${attribute}="${path}" integrity="${integrityOf(path)}"${after}>`,
  )
  const first = named.indexOf('<script')
  if (first < 0) throw new Error('the page has no script')
  const page = `${named.slice(0, first)}<script type="importmap">${map}</script>\n    ${named.slice(first)}`
  return { html: page, importMapHash: digest('sha256', map) }
}
