/**
 * `trusthealth demo`: plays the life of a record and then attacks it, on a system of its own. Every line is a promise
 * that was checked just now; a promise that does not hold ends it with `DEMO_SURPRISE`.
 *
 * @module
 */
import { confirm } from '@clack/prompts'
import { CommandError } from '../command-error.ts'
import type { OptionValues } from '../command-row.ts'
import type { Context } from '../context.ts'
import { ledgerOption } from '../system/ledgers.ts'
import { teeOption } from '../system/tees.ts'
import { ATTACKS_ON_FABRIC } from './attacks-fabric.ts'
import { AFTER_ATTACKS, ATTACKS_BY_OPERATORS } from './attacks-operator.ts'
import { ATTACKS_ON_OPTEE } from './attacks-optee.ts'
import { ATTACKS_BY_PEOPLE } from './attacks.ts'
import { Scene } from './cast.ts'
import { playActs, type Act } from './player.ts'
import { Stage, type StageKinds } from './stage.ts'
import { STORY } from './story.ts'

const ATTACKED = '── now we attack it ──'

export async function runDemo(context: Context, _what: readonly string[], options: OptionValues): Promise<void> {
  const { output, flags, terminal } = context
  const isTemporary = flags.state === undefined
  const pause = options['step'] === true ? pauseOf(context) : undefined
  const stage = isTemporary ? await Stage.openTemporary(context, kindsOf(context, options)) : Stage.openRunning(context)
  let isInterrupted = false
  const stopListening = terminal.onInterrupt(() => {
    isInterrupted = true
    void stage.close()
  })
  try {
    await playActs(actsFor(stage), new Scene(stage), {
      output,
      intro: `TrustHealth demo · ${stage.isOwn ? `temporary system in a temporary folder${stage.kind === 'fabric' ? ', on Fabric' : ''}` : stage.folder} · ${stage.tee === 'optee' ? 'emulated TrustZone' : 'simulated protected area'}`,
      notShown: `Not shown by this demo: ${stage.isOwn ? '' : 'attacks on files and programs, '}hardware protection.`,
      next: stage.isOwn ? 'trusthealth start' : 'trusthealth demo',
      ...(pause === undefined ? {} : { pause }),
    })
  } catch (error) {
    throw isInterrupted ? new CommandError('CLIENT_CANCELLED', { next: 'the temporary system was removed' }) : error
  } finally {
    stopListening()
    await stage.close()
  }
}

function actsFor(stage: Stage): readonly Act<Scene>[] {
  if (!stage.isOwn) return [STORY, { heading: ATTACKED, steps: ATTACKS_BY_PEOPLE }]
  const ofNetworks = stage.kind === 'fabric' ? ATTACKS_ON_FABRIC : []
  const ofTrustZone = stage.tee === 'optee' ? ATTACKS_ON_OPTEE : []
  const attacks = [...ATTACKS_BY_PEOPLE, ...ATTACKS_BY_OPERATORS, ...ofNetworks, ...ofTrustZone, ...AFTER_ATTACKS]
  return [STORY, { heading: ATTACKED, steps: attacks }]
}

function kindsOf({ terminal }: Context, options: OptionValues): StageKinds {
  return { ledger: ledgerOption(options), tee: teeOption(options, terminal.environment) }
}

function pauseOf({ terminal }: Context): () => Promise<void> {
  if (!terminal.canAsk)
    throw new CommandError('CLIENT_USAGE', { what: '--step needs a terminal.', next: 'trusthealth demo' })
  return async () => {
    const goOn = await confirm({ message: 'Next step?', active: 'yes', inactive: 'stop', output: process.stderr })
    if (goOn !== true) throw new CommandError('CLIENT_CANCELLED', { next: 'the temporary system was removed' })
  }
}
