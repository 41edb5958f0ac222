/** Numbers as English words, the text of speedtest1's tables. */

const SMALL =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const TENS = ['', 'ten', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety']

/** @param n an integer from 0 to 999,999,999. */
export function numberName(n: number): string {
  if (n < 20) return SMALL[n] ?? ''
  if (n < 100) return joined(TENS[Math.floor(n / 10)] ?? '', n % 10)
  if (n < 1_000) return joined(`${numberName(Math.floor(n / 100))} hundred`, n % 100)
  if (n < 1_000_000) return joined(`${numberName(Math.floor(n / 1_000))} thousand`, n % 1_000)
  return joined(`${numberName(Math.floor(n / 1_000_000))} million`, n % 1_000_000)
}

function joined(head: string, rest: number): string {
  return rest === 0 ? head : `${head} ${numberName(rest)}`
}
