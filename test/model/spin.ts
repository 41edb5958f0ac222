/**
 * Runs Spin on a model of docs/protocol/model: every reachable state is looked at, in bounded memory. Needs `spin` and a C
 * compiler (Debian: `apt-get install spin gcc libc6-dev`).
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** MiB that the checker may take for its states. */
const MEMORY_MIB = 512
/** A guard against a model that has become too large, not a measure of speed. */
const HANGING_MS = 240_000

/** What the checker found of one variant of a model. */
export interface Verdict {
  /** The property that does not hold; none when all states were looked at and all hold. */
  readonly refuted: string | undefined
  /** States that were looked at. */
  readonly states: number
  /** The shortest run that shows it, one message or step a line. */
  readonly steps: readonly string[]
}

/** Why nothing can be checked here, or undefined. */
export function missingTools(): string | undefined {
  const missing = ['spin', 'gcc'].filter((command) => {
    const { error, status } = spawnSync(command, [command === 'spin' ? '-V' : '--version'])
    return error !== undefined || status !== 0
  })
  return missing.length === 0 ? undefined : `no ${missing.join(' and no ')} here (apt-get install spin gcc libc6-dev)`
}

/**
 * @param model path of a Promela file.
 * @param defines names, or `name=value`, of the variant.
 * @param search `all` looks at every state, `shortest` stops at the shortest run that refutes.
 * @throws {Error} when a tool fails, or the state space is not finished inside the bounds.
 */
export function checkModel(model: string, defines: readonly string[], search: 'all' | 'shortest'): Verdict {
  const folder = mkdtempSync(join(tmpdir(), 'trusthealth-model-'))
  try {
    const variant = defines.map((name) => `-D${name}`)
    run(folder, 'spin', ['-a', ...variant, model])
    const breadth = search === 'shortest' ? ['-DBFS'] : []
    run(folder, 'gcc', [
      search === 'all' ? '-O1' : '-O0',
      '-w',
      '-DSAFETY',
      `-DMEMLIM=${MEMORY_MIB}`,
      ...breadth,
      '-o',
      'pan',
      'pan.c',
    ])
    const report = run(folder, './pan', ['-E', '-m20000'])
    const errors = Number(/errors: (\d+)/.exec(report)?.[1] ?? Number.NaN)
    const states = Number(/(\d+(?:\.\d+e\+\d+)?) states, stored/.exec(report)?.[1] ?? Number.NaN)
    const isCut = /not completed|max search depth too small|out of memory|memory limit/i.test(report)
    if (!Number.isInteger(errors) || !(states > 0) || (isCut && errors === 0))
      throw new Error(`not finished: ${report}`)
    if (errors === 0) return { refuted: undefined, states, steps: [] }
    const trail = readdirSync(folder).find((name) => name.endsWith('.trail'))
    if (trail === undefined) throw new Error(`a refutation without its run: ${report}`)
    const lines = run(folder, 'spin', ['-T', '-t', '-k', trail, ...variant, model]).split('\n')
    const end = lines.findIndex((line) => line.startsWith('refuted: '))
    if (end < 0) throw new Error(`refuted for another reason: ${lines.join('\n')}`)
    return { refuted: lines[end]?.slice('refuted: '.length), states, steps: lines.slice(0, end) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** How the things of each kind are called in the order in which they appear. */
const CALLED: Readonly<Record<string, readonly string[]>> = {
  person: ['Alice', 'Bob'],
  A: ['A', 'A2'],
  B: ['B', 'B2'],
  node: ['node 0', 'node 1'],
  request: ['request 0', 'request 1'],
}

/**
 * The steps, with people, shares, nodes and requests named in the order in which they appear: what differs in nothing else
 * is one text, whichever of them the checker took first.
 */
export function canonicalSteps(steps: readonly string[]): string {
  const names = new Map<string, string>()
  const counts = new Map<string, number>()
  return steps.join('\n').replaceAll(/\b(?:Alice|Bob|[AB][01]|node [01]|request [01])\b/g, (word) => {
    const known = names.get(word)
    if (known !== undefined) return known
    const kind = /^(?:node|request|[AB](?=\d))/.exec(word)?.[0] ?? 'person'
    const count = counts.get(kind) ?? 0
    const name = CALLED[kind]?.[count] ?? word
    counts.set(kind, count + 1)
    names.set(word, name)
    return name
  })
}

function run(cwd: string, command: string, args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: HANGING_MS })
  if (error !== undefined) throw error
  // Spin ends with 1 after the replay of a failed assertion.
  const isReplay = command === 'spin' && args.includes('-t')
  if (status !== 0 && !isReplay) throw new Error(`${command} ended with ${status}: ${stdout}${stderr}`)
  return stdout
}
