/**
 * Plays steps: one line each, the intent and the proof; pauses with `--step`; a score at the end.
 *
 * @module
 */
import { CommandError } from '../command-error.ts'
import type { Output } from '../output.ts'
import { describe } from './expect.ts'

export interface Step<Scene> {
  /** What somebody does, in a few words; at most 46 characters. */
  readonly title: string
  /** Does it, checks it, and says in a few words what was proved. Anything thrown is a surprise. */
  readonly play: (scene: Scene) => Promise<string>
}

export interface Act<Scene> {
  /** A line above the act's steps. */
  readonly heading?: string
  readonly steps: readonly Step<Scene>[]
}

export interface PlayedStep {
  readonly step: number
  readonly of: number
  readonly title: string
  readonly ok: boolean
  /** The proof, or what came instead. */
  readonly proof: string
  readonly tookMs: number
}

export interface PlayOptions {
  readonly output: Output
  /** First line. */
  readonly intro: string
  /** Last sentences: what was not shown, and what to do next. */
  readonly notShown: string
  readonly next: string
  /** Called before each step but the first; absent: no pauses. */
  readonly pause?: () => Promise<void>
}

const TITLE_WIDTH = 46

/**
 * Plays all acts. A step that fails does not end the play: what builds on it fails as well, and the score says so.
 * @throws {CommandError} `DEMO_SURPRISE`
 */
export async function playActs<Scene>(
  acts: readonly Act<Scene>[],
  scene: Scene,
  options: PlayOptions,
): Promise<readonly PlayedStep[]> {
  const { output } = options
  const of = acts.reduce((sum, act) => sum + act.steps.length, 0)
  const startMs = performance.now()
  const played: PlayedStep[] = []
  say(output, options.intro)
  for (const { heading, steps } of acts) {
    if (heading !== undefined) say(output, output.paint.bold(heading))
    for (const step of steps) {
      if (played.length > 0) await options.pause?.()
      const one = await playStep(step, scene, played.length + 1, of)
      played.push(one)
      if (output.options.json === 'lines') output.out.write(`${JSON.stringify(one)}\n`)
      else say(output, lineOf(one, output))
    }
  }
  finish(played, Math.round((performance.now() - startMs) / 1000), options)
  return played
}

async function playStep<Scene>(step: Step<Scene>, scene: Scene, number: number, of: number): Promise<PlayedStep> {
  const startMs = performance.now()
  const end = (ok: boolean, proof: string): PlayedStep => ({
    step: number,
    of,
    title: step.title,
    ok,
    proof,
    tookMs: Math.round(performance.now() - startMs),
  })
  try {
    return end(true, await step.play(scene))
  } catch (error) {
    return end(false, describe(error))
  }
}

function finish(played: readonly PlayedStep[], seconds: number, options: PlayOptions): void {
  const { output, notShown, next } = options
  const passed = played.filter(({ ok }) => ok).length
  const score = `${passed} of ${played.length} as promised, ${seconds} s.`
  if (passed < played.length) {
    const wrong = played.filter(({ ok }) => !ok).map(({ step, title, proof }) => `${step} ${title}: ${proof}`)
    if (output.options.json !== 'object') say(output, output.paint.red(score))
    throw new CommandError('DEMO_SURPRISE', { what: score, reason: wrong.join('\n         '), data: { steps: played } })
  }
  if (output.options.json === 'lines') return
  output.result({ passed, of: played.length, seconds, steps: played, notShown }, `${score}  ${notShown}  Next: ${next}`)
}

function lineOf({ step, of, title, ok, proof }: PlayedStep, { paint }: Output): string {
  const place = `${String(step).padStart(String(of).length)}/${of}`
  const text = `${title.padEnd(TITLE_WIDTH)} ${proof}`
  return ok ? `${place} ${paint.green('✓')} ${text}` : `${place} ${paint.red('✗')} ${paint.red(text)}`
}

/** For people only: `--json` prints nothing beside its objects. */
function say(output: Output, line: string): void {
  if (output.options.json === 'off') output.out.write(`${line}\n`)
}
