/**
 * The error codes that the code declares and uses, read from its syntax: unions named `…ErrorCode` in errors.ts files, and
 * string literals anywhere.
 *
 * @module
 */
import ts from 'typescript'

/** String literals of the exported unions whose name ends with `ErrorCode`. */
export function declaredCodes(text: string): string[] {
  const codes: string[] = []
  const collect = (node: ts.Node) => {
    if (ts.isLiteralTypeNode(node) && ts.isStringLiteral(node.literal)) codes.push(node.literal.text)
    ts.forEachChild(node, collect)
  }
  for (const statement of parse(text).statements) {
    if (ts.isTypeAliasDeclaration(statement) && statement.name.text.endsWith('ErrorCode')) collect(statement.type)
  }
  return codes
}

/** Every string literal that is written like a code. */
export function usedCodes(text: string): Set<string> {
  const codes = new Set<string>()
  const collect = (node: ts.Node) => {
    if (ts.isStringLiteralLike(node) && /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(node.text)) codes.add(node.text)
    // `{ WARRANT_EXPIRED: … }` names a code, too.
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) codes.add(node.name.text)
    ts.forEachChild(node, collect)
  }
  collect(parse(text))
  return codes
}

/**
 * Words in backticks of a page that are written like a code and begin as one of the codes does, and are none.
 * `TEE_GONE` is a fault, `SQLITE_BUSY` is somebody else's.
 */
export function unknownCodes(page: string, known: readonly string[]): string[] {
  const codes = new Set(known)
  const families = new Set(known.map(familyOf))
  const named = [...page.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g)].map(([, word]) => word as string)
  return [...new Set(named)].filter((word) => families.has(familyOf(word)) && !codes.has(word))
}

function familyOf(code: string): string {
  return code.slice(0, code.indexOf('_'))
}

function parse(text: string): ts.SourceFile {
  return ts.createSourceFile('source.ts', text, ts.ScriptTarget.ESNext)
}
