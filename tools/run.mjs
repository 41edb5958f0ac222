/**
 * Runs a program of this repository on the runtime that package.json pins: `node tools/run.mjs PROGRAM ARGUMENTS…`.
 *
 * npm puts that runtime in front as node_modules/.bin/node, so usually it already runs this file. Older versions of npm
 * lose that link when several platforms are listed; then an older Node starts here, and it starts the pinned one as
 * a child. Plain JavaScript, because an older Node cannot read TypeScript.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** TypeScript without a build step, and ML-KEM in node:crypto. */
const LEAST = '24.7'

const isRecent = () => process.versions.node.localeCompare(LEAST, 'en', { numeric: true }) >= 0

const [program, ...programArguments] = process.argv.slice(2)
if (program === undefined) {
  console.error('usage: node tools/run.mjs PROGRAM ARGUMENTS…')
  process.exit(2)
}

/**
 * Programs and their children start from what was compiled before, in less than half the time. It lies beside the packages:
 * whoever can write there can change the programs anyway, which of a folder for temporary files is not true. Where this
 * user may not write nothing is kept. The trusted application's process gets no environment, so it never reads from there.
 */
function keepCompiled() {
  if (process.env['NODE_COMPILE_CACHE'] !== undefined) return
  const folder = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url))
  process.env['NODE_COMPILE_CACHE'] = folder
  module.enableCompileCache(folder)
}

if (isRecent()) {
  keepCompiled()
  process.argv.splice(1, 2, resolve(program))
  module.runMain()
} else {
  const isWindows = process.platform === 'win32'
  const platform = isWindows ? 'win' : process.platform
  const folder = fileURLToPath(new URL(`../node_modules/node-${platform}-${process.arch}/bin`, import.meta.url))
  const runtime = join(folder, isWindows ? 'node.exe' : 'node')
  if (!existsSync(runtime)) {
    console.error(
      `Node ${LEAST} or later is needed, this is ${process.version}. ` +
        '`npm ci` brings one for Linux (x64, arm64), macOS (x64) and Windows (x64); elsewhere install it first.',
    )
    process.exit(1)
  }
  const child = spawn(runtime, [resolve(program), ...programArguments], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` },
  })
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
  // A terminal sends its interrupt to the child as well; a second one would mean "at once" to it.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  child.on('exit', (code) => process.exit(code ?? 1))
}
