/**
 * Secrets that must not be in the repository: tokens and private keys in any file, found by secretlint's recommended
 * rules. Keys of test vectors are hexadecimal, public, and said to be so where they stand.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { lintSource } from '@secretlint/core'
import { creator } from '@secretlint/secretlint-rule-preset-recommend'

const MAX_TEXT_BYTES = 4 * 2 ** 20
const CONFIG = { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }] }

export interface Secret {
  readonly line: number
  /** Of the rule; what was found is never printed. */
  readonly kind: string
}

/** What looks like a secret in a text. */
export async function findSecrets(path: string, text: string): Promise<Secret[]> {
  const source = { filePath: path, content: text, contentType: 'text' as const, ext: '' }
  const { messages } = await lintSource({ source, options: { config: CONFIG } })
  return messages.map(({ loc, messageId }) => ({ line: loc.start.line, kind: messageId }))
}

/** The text of a file; undefined for what is no text or too long for one that people write. */
export function readText(path: string): string | undefined {
  if (statSync(path).size > MAX_TEXT_BYTES) return undefined
  const bytes = readFileSync(path)
  return bytes.includes(0) ? undefined : bytes.toString('utf8')
}
