/**
 * Relative links of Markdown pages: the file must exist, and the heading too where a link names one.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'

/** One sentence for each link of `page` that leads nowhere. `count` is how many were followed. */
export function checkLinks(page: string, root: string): { faults: string[]; count: number } {
  const faults: string[] = []
  const targets = linksOf(readFileSync(page, 'utf8')).filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
  const name = relative(root, page)
  for (const target of targets) {
    const [path = '', heading] = target.split('#')
    const file = path === '' ? page : resolve(dirname(page), decodeURIComponent(path))
    if (relative(root, file).startsWith('..')) faults.push(`${name}: ${target} leads out of the repository`)
    else if (!existsSync(file)) faults.push(`${name}: ${target} does not exist`)
    else if (heading !== undefined && !hasHeading(file, heading)) faults.push(`${name}: ${target} has no such heading`)
  }
  return { faults, count: targets.length }
}

/** Targets of inline links, images and reference definitions; code is not read. */
export function linksOf(markdown: string): string[] {
  const text = markdown.replace(/^( *)(```|~~~)[\s\S]*?^\1?\2/gm, '').replace(/`[^`\n]*`/g, '')
  return [
    ...[...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map((match) => match[1] ?? ''),
    ...[...text.matchAll(/^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)/gm)].map((match) => match[1] ?? ''),
  ]
}

/** Tests that a page names in backticks, by their path from the root: `test/e2e/demo.test.ts`. */
export function testsNamed(markdown: string): string[] {
  return [...markdown.matchAll(/`([\w.-]+(?:\/[\w.*-]+)+\.test\.ts)`/g)].map(([, path]) => path as string)
}

function hasHeading(file: string, heading: string): boolean {
  if (statSync(file).isDirectory() || !file.endsWith('.md')) return false
  return anchorsOf(readFileSync(file, 'utf8')).has(decodeURIComponent(heading))
}

/** The anchors that a Markdown viewer makes of the headings: lower case, spaces become hyphens, repetitions are numbered. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>()
  const text = markdown.replace(/^( *)(```|~~~)[\s\S]*?^\1?\2/gm, '')
  for (const [, title = ''] of text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replace(/[^\p{L}\p{N}\p{Pc}\s-]/gu, '').replaceAll(' ', '-')
    let unique = anchor
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`
    anchors.add(unique)
  }
  for (const [, id = ''] of text.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id)
  return anchors
}

/** Pages that a reader may open: those at the top, everything in docs, and the README of each folder. */
export function isPage(path: string): boolean {
  return /^[^/]+\.md$|^docs\/.*\.md$|(^|\/)README\.md$/.test(path) && !/(^|\/)planted\//.test(path)
}
