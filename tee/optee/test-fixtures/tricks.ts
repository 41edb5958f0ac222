/** First bytes of records that make insecure-machine misbehave; `countBoots` and `group` only tell. */
export const TRICKS = {
  panic: 0xff,
  crash: 0xfe,
  silence: 0xfd,
  garbage: 0xfc,
  garbageAnswer: 0xfb,
  rolledBack: 0xfa,
  piecemeal: 0xf9,
  later: 0xf8,
  countBoots: 0xf7,
  group: 0xf6,
  ignoreStop: 0xf5,
  unasked: 0xf4,
  hang: 0xf3,
} as const

/** What a text in the TA's file makes of it. */
export const TA_TEXT = {
  good: 'a trusted application',
  otherSigner: 'signed by somebody else',
  dead: 'ends at once',
  busy: 'busy the first time',
} as const
