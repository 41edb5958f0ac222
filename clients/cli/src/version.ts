/**
 * The version, as package.json says it.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the product. */
export const PRODUCT_FOLDER = fileURLToPath(new URL('../../../', import.meta.url))

export const VERSION = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
).version
