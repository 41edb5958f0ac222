/**
 * What the seal shows for a report: state and tone come from the SDK's one function, words from the catalogue.
 *
 * @module
 */
import { checkIdsOf, sealOf, type SealInput, type SealState, type SealTone } from '../../../sdk/src/seal.ts'
import type { Words } from '../i18n/words.ts'

export interface SealView {
  readonly state: SealState
  readonly tone: SealTone
  readonly isPractice: boolean
  readonly word: string
  readonly short: string
  readonly line: string
}

/** @param input absent: nothing has run yet. */
export function sealView(words: Words, input: SealInput | undefined): SealView {
  const { t } = words
  const given = input ?? { checks: [], practice: false }
  const { state, tone } = sealOf(given, words)
  const isPractice = tone === 'practice'
  const total = checkIdsOf(given).length
  const passed = given.checks.filter(({ result }) => result === 'pass').length
  const failed = given.checks.find(({ result }) => result === 'fail')
  const skipped = given.checks.find(({ result }) => result === 'skip')
  const values = {
    passed,
    total,
    left: total - passed,
    failed: failed === undefined ? '' : t(`seal.check.${failed.id}.fail`),
    why: t(`error.${skipped?.code ?? 'CLIENT_CHECK_SKIPPED'}.what`),
    date: words.date(given.newerMs ?? given.replacedMs ?? given.marker?.erasedMs ?? 0),
    time: words.time(given.earlierMs ?? given.waitingSinceMs ?? 0),
  }
  const word = t(`seal.${state}.word`, values)
  const short = t(`seal.${state}.short`, values)
  return {
    state,
    tone,
    isPractice,
    word: isPractice ? t('seal.practice.word', { word }) : word,
    short: isPractice ? t('seal.practice.word', { word: short }) : short,
    line: isPractice
      ? t(given.marker === undefined ? 'seal.practice.line' : 'seal.practice.marker')
      : t(`seal.${state}.line`, values),
  }
}
