/** First bytes of records that make insecure-echo misbehave. */
export const TRICKS = {
  crash: 0xff,
  silence: 0xfe,
  garbage: 0xfd,
  anotherAnswer: 0xfc,
  rolledBack: 0xfb,
  notice: 0xfa,
  ignoreStop: 0xf9,
  lookAround: 0xf8,
  complain: 0xf7,
} as const
