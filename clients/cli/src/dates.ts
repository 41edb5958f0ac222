/**
 * Dates for people: "14 Nov 2026, 14:03", never 11/14. Local zone of the terminal.
 *
 * @module
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

export function formatDate(timeMs: number): string {
  const date = new Date(timeMs)
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${date.getFullYear()}`
}

export function formatTime(timeMs: number): string {
  const date = new Date(timeMs)
  return `${pad(date.getHours())}:${pad(date.getMinutes())}`
}

export function formatMoment(timeMs: number): string {
  return `${formatDate(timeMs)}, ${formatTime(timeMs)}`
}

/** `2026-12-10`, `2026-12-10T09:30`, or a span from now: `30d`, `12h`, `45m`. Undefined for anything else. */
export function parseMoment(text: string, nowMs: number): number | undefined {
  const span = /^(\d{1,4})([mhd])$/.exec(text)
  if (span !== null) {
    const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 }[span[2] as 'm' | 'h' | 'd']
    return nowMs + Number(span[1]) * unitMs
  }
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?(Z|[+-]\d{2}:\d{2})?$/.test(text)) return undefined
  const parsed = Date.parse(text.includes('T') ? text : `${text}T00:00`)
  return Number.isNaN(parsed) ? undefined : parsed
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
