/**
 * docs/operations/optee-measured.md, from what `npm run bench:optee` measured in the emulated machine.
 *
 * @module
 */
import { formatValue, tableOf, type PageFiles } from '../harness/page.ts'
import type { Metric, Report } from '../harness/report.ts'
import { SIZES_MB } from './round-trips.ts'
import { experiments } from './statements.ts'

const MADE = '<!-- Made by npm run bench:docs from bench/results/optee.json: change that, or bench/, not this page. -->'
const STATEMENTS = ['insert', 'select', 'update', 'delete'] as const

/** @throws {TypeError} if a number is missing. */
export function opteePage(report: Report): PageFiles {
  const { machine, metrics, notes, parts } = report
  const measured = parts['optee']
  const of = (name: string): Metric => {
    const metric = metrics[name]
    if (metric === undefined) throw new TypeError(`no ${name} among the results`)
    return metric
  }
  const told = (name: string): string => formatValue(of(name).value, of(name).unit)
  const ratioOf = (name: string): string => told(`${name}_plain_ratio`)
  const sizes = SIZES_MB.filter((size) => metrics[`optee_transfer_ms_${size}`] !== undefined)
  const page = [
    MADE,
    '# The record server in TrustZone, measured',
    `Emulated by QEMU on ${machine['cpu']}, ${machine['cores']} cores, ${machine['memoryGiB']} GiB; measured at commit ${measured?.commit ?? ''}, ${measured?.endedAt.slice(0, 10) ?? ''}. ${measured?.isQuick === true ? 'A quick run: fewer rounds, and no transfers above 16 MB. ' : ''}${sentence(notes['optee_load'])}Times of an emulator are no times of hardware: what counts are ratios within one guest. All numbers: \`bench/results/optee.json\`, made by \`npm run bench:optee\`. What it means: [the record server in TrustZone](optee.md).`,
    '## Fig. 5: an empty command',
    `An echo, which is a call into a trusted application that does nothing, through driver, proxy, libteec and OP-TEE, takes ${told('optee_echo_us')}. An empty command of the record server is decoded, refused, committed and answered: ${told('optee_empty_command_us')}, **${told('optee_empty_command_echo_ratio')}** times the echo.`,
    '## Table 4: data into the record server',
    'In messages of 64 KiB, four of them under way; beside it the same bytes into a trusted application that only takes them, 1 MiB a call.',
    tableOf(
      ['data', 'into the record server', 'as echos', 'only taken'],
      sizes.map((size) => [
        `${size} MB`,
        told(`optee_transfer_mb_per_s_${size}`),
        told(`optee_transfer_echo_ratio_${size}`),
        told(`optee_copy_mb_per_s_${size}`),
      ]),
    ),
    '## Fig. 7: statements',
    'SQLCipher on the secure file system in TrustZone, and plain SQLite in the normal world of the same guest on the same disk, in turns; 10,000 rows each.',
    tableOf(
      ['statement', 'secure', 'plain', 'secure / plain'],
      STATEMENTS.map((name) => [
        name.toUpperCase(),
        told(`optee_crud_${name}_secure_ms`),
        told(`optee_crud_${name}_plain_ms`),
        `**${ratioOf(`optee_crud_${name}`)}**`,
      ]),
    ),
    `## Fig. 6: ${experiments(1).size} of its experiments`,
    `${notes['optee_speedtest'] ?? ''}. In all, secure takes **${ratioOf('optee_speedtest')}** times plain; the geometric mean of the ratios is **${told('optee_speedtest_plain_geometric_ratio')}**.`,
    tableOf(
      ['experiment', 'secure', 'plain', 'secure / plain'],
      [...experiments(1).keys()].map((number) => {
        const [secure, plain] = ['secure', 'plain'].map((kind) => of(`optee_speedtest_${number}_${kind}_ms`).value)
        // The clock in the guest has milliseconds.
        const ratio = Math.max(0.5, secure ?? 0) / Math.max(0.5, plain ?? 0)
        const times = [secure, plain].map((ms) => formatValue(ms ?? 0, 'ms'))
        return [number, ...times, formatValue(ratio, 'ratio')]
      }),
    ),
  ]
  return new Map([['operations/optee-measured.md', `${page.join('\n\n')}\n`]])
}

function sentence(note: string | undefined): string {
  return note === undefined ? '' : `${note[0]?.toUpperCase() ?? ''}${note.slice(1)}. `
}
