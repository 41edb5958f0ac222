/**
 * A system of the real programs for a test of the command line: started as a person starts it, in a folder of its own,
 * with one record to store. Stopped and removed after the tests of the file.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { ensureApplication } from '../../../tools/bundle-ta.ts'
import { ROOT } from '../../../tools/files.ts'
import { runCommand, wordsOf, type CommandResult } from './transcript.ts'

export interface Started {
  /** Its exit code if it ended; undefined: it runs. */
  readonly exit: number | undefined
  /** What it said. */
  readonly text: string
}

export interface CliSystem {
  /** Removed at the end, with everything in it. */
  readonly root: string
  /** `folder` has `potassium.json`, a FHIR Observation. */
  readonly place: { readonly state: string; readonly folder: string }
  /** Until it says what runs, or ends. */
  readonly start: (...more: readonly string[]) => Promise<Started>
  /** As `start`, with the programs of another folder than this product's. */
  readonly startOf: (product: string, ...more: readonly string[]) => Promise<Started>
  /** A command that must succeed. */
  readonly run: (line: string) => Promise<CommandResult>
  /** `data` of what it says with `--json`. */
  readonly dataOf: <T>(line: string) => Promise<T>
}

/** For a whole test file: prepares before its tests, stops and removes after them. @param name part of the folder's name. */
export function cliSystem(name: string): CliSystem {
  const root = mkdtempSync(join(tmpdir(), `trusthealth-${name}-`))
  const place = { state: join(root, 'state'), folder: join(root, 'files') }
  before(async () => {
    await ensureApplication()
    mkdirSync(place.folder)
    const result = { resourceType: 'Observation', status: 'final', code: { text: 'Potassium' } }
    writeFileSync(join(place.folder, 'potassium.json'), JSON.stringify(result))
  })
  after(async () => {
    await runCommand(place, ['stop'])
    rmSync(root, { recursive: true, force: true })
  })

  async function startOf(product: string, ...more: readonly string[]): Promise<Started> {
    const main = join(product, 'clients/cli/src/main.ts')
    const words = ['start', '--state', place.state, '--any-ports', '--no-data', '--json', ...more]
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    return await new Promise((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        if (text.includes('"ok":true') && text.endsWith('\n')) resolve({ exit: undefined, text })
      })
      child.once('close', (code) => resolve({ exit: code ?? -1, text }))
    })
  }

  async function run(line: string): Promise<CommandResult> {
    const result = await runCommand(place, wordsOf(line))
    assert.equal(result.exit, 0, `${line}\n${result.out}${result.err}`)
    return result
  }

  return {
    root,
    place,
    start: (...more) => startOf(ROOT, ...more),
    startOf,
    run,
    dataOf: async <T>(line: string) => (JSON.parse((await run(`${line} --json`)).out) as { data: T }).data,
  }
}
