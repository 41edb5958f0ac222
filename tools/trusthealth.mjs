#!/usr/bin/env node
/** `npx trusthealth`: the command line on the pinned runtime, whichever Node started this file. */
import { fileURLToPath } from 'node:url'

process.argv.splice(2, 0, fileURLToPath(new URL('../clients/cli/src/main.ts', import.meta.url)))
await import('./run.mjs')
