/**
 * Refusals that no test reaches: what refuses is found in the syntax, what ran in V8's own coverage of the tests' processes.
 * Lines are too coarse for it: `if (isOver(period)) throw expired()` is one line, and runs with every period that is not over.
 *
 * A refusal is a `throw`, but not of what a `catch` passes on nor of a `TypeError`, a `return false`, or an error code that code
 * names. One that stays though nothing reaches it says so in a comment on its line or the line before, `// Unreached: why it
 * stays.`, which is wrong as soon as a test does.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { ERROR_TABLE } from '../shared/protocol/src/error-table.ts'
import type { Finding } from './planted.ts'

interface Refusal {
  readonly line: number
  /** Position of its first character. */
  readonly at: number
  readonly isExplained: boolean
  isReached: boolean
}

/** A part of a source that ran `count` times, but for smaller parts inside, which have their own. */
interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

interface Report {
  readonly result: readonly { readonly url: string; readonly functions: readonly { readonly ranges: Range[] }[] }[]
}

/**
 * Each refusal that is `unreached` without a reason, or `reached-after-all` with one.
 *
 * @param folder of what processes wrote for `NODE_V8_COVERAGE`. @param sources paths from `root`.
 */
export function refusalFaults(folder: string, sources: readonly string[], root: string) {
  const refusals = new Map(sources.map((file) => [file, refusalsOf(readFileSync(join(root, file), 'utf8'))]))
  const base = `${pathToFileURL(root).href}/`
  for (const name of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report
    for (const { url, functions } of result) {
      const wanted = url.startsWith(base) ? refusals.get(url.slice(base.length)) : undefined
      if (wanted !== undefined)
        markReached(
          wanted,
          functions.flatMap(({ ranges }) => ranges),
        )
    }
  }
  const faults: Finding[] = []
  for (const [file, all] of refusals) {
    for (const { line, isExplained, isReached } of all) {
      if (isReached === isExplained) faults.push({ file, line, code: isReached ? 'reached-after-all' : 'unreached' })
    }
  }
  return { refusals: [...refusals.values()].reduce((sum, all) => sum + all.length, 0), faults }
}

function markReached(refusals: readonly Refusal[], ranges: readonly Range[]): void {
  for (const refusal of refusals) refusal.isReached ||= countAt(ranges, refusal.at) > 0
}

/** Of the smallest part that has the position in it. */
function countAt(ranges: readonly Range[], at: number): number {
  let smallest: Range | undefined
  for (const range of ranges) {
    const isAround = range.startOffset <= at && at < range.endOffset
    if (isAround && (smallest === undefined || sizeOf(range) <= sizeOf(smallest))) smallest = range
  }
  return smallest?.count ?? 0
}

function sizeOf({ startOffset, endOffset }: Range): number {
  return endOffset - startOffset
}

function refusalsOf(text: string): readonly Refusal[] {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ESNext)
  const lines = text.split('\n')
  const refusals: Refusal[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return
    if (!isRefusal(node)) return ts.forEachChild(node, visit)
    const at = node.getStart(source)
    const { line } = source.getLineAndCharacterOfPosition(at)
    const isExplained = [lines[line - 1], lines[line]].some((one) => one?.includes('// Unreached: ') === true)
    refusals.push({ line: line + 1, at, isExplained, isReached: false })
  }
  visit(source)
  return refusals
}

function isRefusal(node: ts.Node): boolean {
  if (ts.isThrowStatement(node)) return !ts.isIdentifier(node.expression) && !isTypeError(node.expression)
  if (ts.isReturnStatement(node)) return node.expression?.kind === ts.SyntaxKind.FalseKeyword
  return ts.isStringLiteral(node) && Object.hasOwn(ERROR_TABLE, node.text)
}

/** A state that our own code must not bring about: it refuses nobody. */
function isTypeError(thrown: ts.Expression): boolean {
  return ts.isNewExpression(thrown) && ts.isIdentifier(thrown.expression) && thrown.expression.text === 'TypeError'
}
