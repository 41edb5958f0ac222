/** The clock port on the process's clocks. The normal world sets both: see docs/threat-model.md. */
import type { ClockPort } from '../../../core/src/ports.ts'

export function createProcessClock(): ClockPort {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n),
  }
}
