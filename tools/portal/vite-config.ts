/**
 * How the portal is built: one page, lazy parts for each role, catalogues parsed and without the notes for translators.
 * Small assets are files, too: the page's Content-Security-Policy knows no data: scripts or styles.
 *
 * @module
 */
import { join } from 'node:path'
import { parse } from '@formatjs/icu-messageformat-parser'
import react from '@vitejs/plugin-react'
import type { InlineConfig, Plugin } from 'vite'
import { ERROR_TABLE } from '../../shared/protocol/src/error-table.ts'
import { ROOT } from '../files.ts'
import { mantineVariables } from './mantine-variables.ts'

export const PORTAL = join(ROOT, 'clients/portal')
export const PORTAL_OUTPUT = join(ROOT, 'dist/portal')

/** Of a message that is more than its text. */
const SYNTAX = /[{}<>'#]/

/**
 * `{"key": {"message", "description"}}` becomes `{"key": "message"}`, or the parsed message where it has arguments or tags:
 * the page needs no parser.
 */
function catalogues(): Plugin {
  return {
    name: 'catalogues',
    enforce: 'pre',
    transform(code, id) {
      if (!/\/locales\/[^/]+\/[^/]+\.json$/.test(id)) return undefined
      const entries = Object.entries(JSON.parse(code) as Record<string, { message: string }>)
      const messages = entries.map(([key, { message }]) => [key, SYNTAX.test(message) ? parse(message) : message])
      return JSON.stringify(Object.fromEntries(messages))
    },
  }
}

/** Of the table of errors a browser needs each code's kind; its words, in the person's language, are in the catalogues. */
function errorKinds(): Plugin {
  return {
    name: 'error-kinds',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('/shared/protocol/src/error-table.ts')) return undefined
      const rows = Object.entries(ERROR_TABLE).map(([code, { kind }]) => [code, { kind, meaning: code }])
      return [
        `export const ERROR_TABLE = ${JSON.stringify(Object.fromEntries(rows))}`,
        "export const isErrorCode = (value) => typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value)",
      ].join('\n')
    },
  }
}

/** Mantine's provider can write style elements. Ours may not (`withCssVariables={false}`), and so does not bring what does. */
function withoutStyleElements(): Plugin {
  return {
    name: 'without-style-elements',
    enforce: 'pre',
    load(id) {
      const name = /\/MantineProvider\/(MantineCssVariables|MantineClasses)\/\1\.mjs$/.exec(id)?.[1]
      return name === undefined ? undefined : `export const ${name} = () => null`
    },
  }
}

export function viteConfig(outDir: string): InlineConfig {
  return {
    root: PORTAL,
    configFile: false,
    base: '/',
    logLevel: 'warn',
    clearScreen: false,
    plugins: [catalogues(), errorKinds(), withoutStyleElements(), mantineVariables(), react()],
    resolve: { alias: { '@formatjs/icu-messageformat-parser': '@formatjs/icu-messageformat-parser/no-parser.js' } },
    worker: { format: 'es', plugins: () => [errorKinds()] },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2023',
      assetsInlineLimit: 0,
      cssCodeSplit: true,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      chunkSizeWarningLimit: 1_000,
    },
  }
}
