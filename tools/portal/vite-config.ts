/**
 * How the portal is built: one page, lazy parts for each role, catalogues without the notes for translators. Small
 * assets are files, too: the page's Content-Security-Policy knows no data: scripts or styles.
 *
 * @module
 */
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import type { InlineConfig, Plugin } from 'vite'
import { ROOT } from '../files.ts'
import { mantineVariables } from './mantine-variables.ts'

export const PORTAL = join(ROOT, 'clients/portal')
export const PORTAL_OUTPUT = join(ROOT, 'dist/portal')

/** `{"key": {"message", "description"}}` becomes `{"key": "message"}`. */
function catalogues(): Plugin {
  return {
    name: 'catalogues',
    enforce: 'pre',
    transform(code, id) {
      if (!/\/locales\/[^/]+\/[^/]+\.json$/.test(id)) return undefined
      const entries = Object.entries(JSON.parse(code) as Record<string, { message: string }>)
      return JSON.stringify(Object.fromEntries(entries.map(([key, { message }]) => [key, message])))
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
    plugins: [catalogues(), mantineVariables(), react()],
    worker: { format: 'es' },
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
