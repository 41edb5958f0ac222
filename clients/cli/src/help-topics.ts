/**
 * Topics of `trusthealth help`.
 *
 * @module
 */
import { EXIT_MEANING } from './exit-codes.ts'
import { table } from './output.ts'

export const HELP_TOPICS: Readonly<Record<string, () => string>> = {
  'exit-codes': () =>
    table(
      Object.entries(EXIT_MEANING).map(([code, meaning]) => [code.padStart(3), meaning]),
      '',
    ),
  environment: () =>
    table(
      [
        ['TRUSTHEALTH_STATE', 'state folder, where --state is not given'],
        ['TRUSTHEALTH_AS', 'who you are, where --as is not given'],
        ['TRUSTHEALTH_ACCESSIBLE', '1: plain lines instead of a bar that is drawn again'],
        ['NO_COLOR', 'anything: no colour'],
        ['TERM', 'dumb: no colour'],
      ],
      '',
    ),
  accessibility: () =>
    [
      'Colour never stands alone: each comes with its word or mark. --no-color, NO_COLOR and TERM=dumb switch it off.',
      'TRUSTHEALTH_ACCESSIBLE=1 prints progress as plain lines instead of a bar that is drawn again.',
      '--no-input asks nothing: what needs an answer ends with exit code 2 and names the flag to give.',
    ].join('\n'),
  ids: () =>
    [
      'Every id may be shortened: its first or its last digits, four at least, as long as one fits.',
      '  r-1f9ac03e   a record      w-7f3c90ab   a permission   g-02d4e6f8   access you gave',
      '  p- patient   d- doctor     h- hospital  s- record server   e- emergency access',
      'Names of keys on this device can stand for patients, doctors and hospitals: --patient bob.',
    ].join('\n'),
}

/** Undefined if there is no such topic. */
export function helpTopic(name: string): string | undefined {
  const topic = Object.hasOwn(HELP_TOPICS, name) ? HELP_TOPICS[name] : undefined
  return topic === undefined ? undefined : `${topic()}\n`
}
