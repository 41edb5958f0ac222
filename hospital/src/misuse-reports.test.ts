/** A report of misuse is made once, and is not said to be made before the shared ledger has it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import type { Emergency } from '../../clients/sdk/src/participant.ts'
import type { MisuseEntry, MisuseRecord, RegisteredRef } from '../../shared/ledger-model/src/index.ts'
import { ProtocolError, type PatientRef, type ServerRef } from '../../shared/protocol/src/index.ts'
import { MisuseReports } from './misuse-reports.ts'

const DOCTOR = `d-${'1'.repeat(32)}`
const EMERGENCY = {
  emergency: `e-${'2'.repeat(32)}`,
  patient: `p-${'3'.repeat(32)}` as PatientRef,
  doctor: DOCTOR,
  reason: 'other',
  text: 'no reason at all',
  openedMs: 1,
  untilMs: 2,
  open: true,
  logIndex: 7,
} as unknown as Emergency

/** A ledger of one function, which is away when told so. */
function fakeLedger() {
  const reports: MisuseEntry[] = []
  const state = { isAway: false, submitted: 0 }
  const away = () => {
    if (state.isAway) throw new ProtocolError('LEDGER_UNAVAILABLE', 'away')
  }
  return {
    state,
    reports,
    reportsOf: async (): Promise<MisuseRecord> => {
      await Promise.resolve()
      away()
      return { ref: DOCTOR as RegisteredRef, flagged: reports.length > 0, reports: [...reports] }
    },
    submit: async (fn: string, args: readonly string[]) => {
      await Promise.resolve()
      away()
      assert.equal(fn, 'reportMisuse')
      state.submitted++
      const txId = String(state.submitted).padStart(64, '0')
      reports.push({ ...(JSON.parse(args[0] ?? '') as MisuseEntry), txId } as MisuseEntry)
      return { txId, block: 1, result: '' }
    },
  }
}

const reportsOn = (ledger: ReturnType<typeof fakeLedger>) =>
  new MisuseReports({
    crypto: createNodeCrypto(),
    serverRef: `s-${'4'.repeat(32)}` as ServerRef,
    ledger,
    reportsOf: ledger.reportsOf,
  })

test('LEDGER_UNAVAILABLE: what the ledger does not have is not reported; asked again, it is', async () => {
  const ledger = fakeLedger()
  const misuse = reportsOn(ledger)
  ledger.state.isAway = true
  await assert.rejects(misuse.report(EMERGENCY), { code: 'LEDGER_UNAVAILABLE' })
  assert.equal(ledger.state.submitted, 0)
  ledger.state.isAway = false
  assert.equal(await misuse.report(EMERGENCY), ledger.reports[0]?.txId)
})

test('asked twice at once, and again by a service that started anew: one report', async () => {
  const ledger = fakeLedger()
  const misuse = reportsOn(ledger)
  const [one, two] = await Promise.all([misuse.report(EMERGENCY), misuse.report(EMERGENCY)])
  assert.equal(one, two)
  assert.equal(await reportsOn(ledger).report(EMERGENCY), one)
  assert.equal(ledger.state.submitted, 1)
  const other = { ...EMERGENCY, emergency: `e-${'5'.repeat(32)}` } as Emergency
  assert.notEqual(await misuse.report(other), one)
  assert.equal(ledger.state.submitted, 2)
})

test('the ledger gets who, a code and one digest: no patient, no words', async () => {
  const ledger = fakeLedger()
  await reportsOn(ledger).report(EMERGENCY)
  const { txId: _txId, ...report } = ledger.reports[0] as MisuseEntry
  assert.deepEqual(Object.keys(report).toSorted(), ['code', 'evidence', 'subject'])
  assert.deepEqual([report.subject, report.code], [DOCTOR, 'no-permission'])
  assert.match(report.evidence.join(), /^[0-9a-f]{64}$/)
})
