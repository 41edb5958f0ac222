/**
 * Builds the suites of the ports into one script for the engine in the secure world: the same suites that Node's siblings
 * pass, with small stand-ins for node:test, node:assert and node:util. `npm run optee:build` puts it into a TA of its own.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import { bundle } from './bundle-ta.ts'
import { ROOT } from './files.ts'

const FOLDER = 'testkit/src/optee'
const STAND_INS: Readonly<Record<string, string>> = {
  'node:test': 'node-test.ts',
  'node:assert/strict': 'node-assert.ts',
  'node:util': 'node-util.ts',
  'fast-check': 'fast-check.ts',
}

const standIns: Plugin = {
  name: 'stand-ins',
  setup(builder) {
    builder.onResolve({ filter: /^(node:|fast-check$)/ }, ({ path, importer }) => {
      const name = STAND_INS[path]
      if (name === undefined || importer.endsWith(`/${FOLDER}/${name}`)) return undefined
      return { path: join(ROOT, FOLDER, name) }
    })
  },
}

const { contents } = await bundle(ROOT, `${FOLDER}/suites-host.ts`, [], [standIns])
mkdirSync(join(ROOT, 'dist/ta'), { recursive: true })
writeFileSync(join(ROOT, 'dist/ta/optee-suites.mjs'), contents)
