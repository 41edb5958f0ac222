/**
 * Table 4 of the paper: bytes carried into the trusted application through the driver of the process TEE, in the same
 * sizes, 8 MiB a message, a few under way.
 *
 * @module
 */
import { barsBeside, type Bar } from '../harness/bars.ts'
import type { Measurement } from '../harness/measurement.ts'
import { spread, type Report } from '../harness/report.ts'
import type { TeeDriver } from '../../tee/src/driver.ts'
import { transferMs, withTee } from './tee.ts'

const MESSAGES = { messageBytes: 8 * 1024 * 1024, underWay: 4 } as const
/** The paper's table: milliseconds by MB. */
const PAPER_MS = { 4: 9, 16: 36, 64: 144, 128: 287, 256: 573, 512: 1143 } as const
const SIZES_MB = Object.keys(PAPER_MS).map(Number) as readonly (keyof typeof PAPER_MS)[]
/** `tee_transfer_mb_per_s_512` is the process TEE; other TEEs append their name. */
const TRANSFER = /^tee_transfer_mb_per_s_(\d+)(?:_(.+))?$/

export const table4: Measurement = {
  id: 'table4',
  title: 'Table 4: data into the secure world',
  gives: ['tee_transfer'],
  run: (report, { isQuick }) => withTee((tee) => measureTransfer(report, tee, isQuick ? 2 : 5, isQuick ? 64 : 512)),
  plots: ({ metrics }) => {
    const paper: Bar[] = SIZES_MB.map((sizeMb) => ({
      group: `${sizeMb} MB`,
      series: 'paper, shared memory',
      value: (sizeMb * 1000) / PAPER_MS[sizeMb],
    }))
    const ours: Bar[] = Object.entries(metrics).flatMap(([id, { value }]) => {
      const [, sizeMb, tee = 'process'] = TRANSFER.exec(id) ?? []
      return sizeMb === undefined ? [] : [{ group: `${sizeMb} MB`, series: `ours, ${tee} TEE`, value }]
    })
    return barsBeside('table4', 'Megabytes per second into the secure world, by size', [...paper, ...ours], {
      axis: 'MB/s',
      aim: 1_500,
    })
  },
}

async function measureTransfer(report: Report, tee: TeeDriver, rounds: number, largestMb: number): Promise<void> {
  const rates = new Map<number, number[]>()
  await transferMs(tee, { ...MESSAGES, sizeMb: 64 })
  for (let round = 0; round < rounds; round++) {
    for (const sizeMb of SIZES_MB) {
      if (sizeMb > largestMb) continue
      const seconds = (await transferMs(tee, { ...MESSAGES, sizeMb })) / 1000
      rates.set(sizeMb, [...(rates.get(sizeMb) ?? []), (sizeMb * 1.048_576) / seconds])
    }
  }
  for (const [sizeMb, samples] of rates) {
    report.metrics[`tee_transfer_mb_per_s_${sizeMb}`] = spread(samples, 'MB/s')
  }
}
