/**
 * Plain text of a FHIR narrative (the limited XHTML of `text.div`) for full-text search.
 *
 * Limits: the result is text for an index, not safe HTML: who shows it must escape it. Malformed mark-up gives some
 * text and never an error; a tag that is never closed ends at the next one.
 * Source: FHIR R4 https://hl7.org/fhir/R4/narrative.html
 *
 * @module
 */
import { truncate } from './json-value.ts'

const SPACE = 0x20
const SLASH = 0x2f
const LESS_THAN = 0x3c
const BANG = 0x21
const LETTER_S = 0x73
const NO_BREAK_SPACE = 0xa0
const LONGEST_INLINE = 7

/** Elements that do not end a word: `H<sub>2</sub>O` is one. */
const INLINE = new Set(
  'a abbr acronym b big cite code dfn em i kbd q samp small span strong sub sup tt u var'.split(' '),
)

/** Narratives may only use the first five (R4 narrative.html); senders use the others too. */
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
  ['deg', '°'],
  ['micro', 'µ'],
  ['plusmn', '±'],
  ['frac12', '½'],
  ['ndash', '–'],
  ['mdash', '—'],
  ['le', '≤'],
  ['ge', '≥'],
])

/**
 * Strips tags and comments, decodes entities, folds white space.
 *
 * @param limit The most UTF-16 units returned; work is bounded by the length of `xhtml` in any case.
 */
export function plainTextOf(xhtml: string, limit: number): string {
  const text = fold(xhtml, true, limit)
  // An entity may stand for white space, so fold once more.
  return truncate(text.includes('&') ? foldSpace(decodeEntities(text)) : text, limit)
}

/** One space for each run of white space, none at the ends. */
export function foldSpace(text: string): string {
  return fold(text, false, text.length)
}

/** One pass; copies runs of words that single spaces part already, since most text is that. */
function fold(text: string, isMarkup: boolean, limit: number): string {
  let out = ''
  let runStart = -1
  let needsSpace = false
  let i = 0
  while (i < text.length && out.length <= limit) {
    const c = text.charCodeAt(i)
    const isTag = isMarkup && c === LESS_THAN
    if (!isTag && !isSpace(c)) {
      if (runStart < 0) runStart = i
      i++
      continue
    }
    const next = text.charCodeAt(i + 1)
    if (c === SPACE && runStart >= 0 && !isSpace(next) && next !== LESS_THAN) {
      i += 2
      continue
    }
    if (runStart >= 0) {
      out += needsSpace && out !== '' ? ` ${text.slice(runStart, i)}` : text.slice(runStart, i)
      runStart = -1
      needsSpace = false
    }
    needsSpace ||= !isTag || endsWord(text, i)
    i = isTag ? skipMarkup(text, i) : i + 1
  }
  if (runStart >= 0) out += needsSpace && out !== '' ? ` ${text.slice(runStart)}` : text.slice(runStart)
  return out
}

/** White space as `\s` has it, without what only historical scripts use; NaN (past the end) counts. */
function isSpace(c: number): boolean {
  if (c > SPACE && c < NO_BREAK_SPACE) return false
  return !(c > NO_BREAK_SPACE) || (c >= 0x2000 && c <= 0x200a) || c === 0x2028 || c === 0x2029 || c === 0x3000
}

/** The index after the tag, comment, CDATA mark or instruction that starts at `open`. */
function skipMarkup(xhtml: string, open: number): number {
  const first = xhtml.charCodeAt(open + 1) | 0x20
  if (first === BANG) {
    if (xhtml.startsWith('<!--', open)) return after(xhtml, '-->', open + 4)
    if (xhtml.startsWith('<![CDATA[', open)) return open + 9
  } else if (first === LETTER_S && (isElement(xhtml, open, 'script') || isElement(xhtml, open, 'style'))) {
    return skipTag(xhtml, after(xhtml, '</', skipTag(xhtml, open)))
  }
  return skipTag(xhtml, open)
}

/** The index after the next `>` that no attribute value holds. */
function skipTag(xhtml: string, open: number): number {
  let quote = 0
  for (let i = open + 1; i < xhtml.length; i++) {
    const c = xhtml.charCodeAt(i)
    if (quote !== 0) {
      if (c === quote) quote = 0
    } else if (c === 0x22 || c === 0x27) quote = c
    else if (c === 0x3e) return i + 1
    // A tag that was never closed: the next one starts here.
    else if (c === LESS_THAN) return i
  }
  return xhtml.length
}

function endsWord(xhtml: string, open: number): boolean {
  let i = xhtml.charCodeAt(open + 1) === SLASH ? open + 2 : open + 1
  const start = i
  while (isNameCharacter(xhtml.charCodeAt(i))) i++
  return i > start && !(i - start <= LONGEST_INLINE && INLINE.has(xhtml.slice(start, i).toLowerCase()))
}

function isNameCharacter(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || (c >= 0x30 && c <= 0x39)
}

function isElement(xhtml: string, open: number, name: string): boolean {
  return xhtml.slice(open + 1, open + 1 + name.length).toLowerCase() === name
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at < 0 ? text.length : at + mark.length
}

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,8}));/g,
    (whole: string, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return ENTITIES.get(name) ?? whole
      return characterOf(decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal))
    },
  )
}

function characterOf(codePoint: number): string {
  const isCharacter = codePoint > 0 && codePoint <= 0x10ffff && !(codePoint >= 0xd800 && codePoint <= 0xdfff)
  return isCharacter ? String.fromCodePoint(codePoint) : '\ufffd'
}
