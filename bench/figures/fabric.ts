/**
 * The same on Fabric: three Raft orderers, two organisations with a peer and a chaincode process each, all on this machine;
 * and, beside it on the same network, transactions that are submitted one by one through fabric-gateway without anything
 * of ours around them. Needs Fabric's programs (docs/fabric.md); where they are missing, a note says so.
 *
 * @module
 */
import { barsBeside, valueOf, type Bar } from '../harness/bars.ts'
import type { Context, Measurement } from '../harness/measurement.ts'
import { spread, type Report } from '../harness/report.ts'
import { runWindow } from '../harness/windows.ts'
import { createKeys } from '../../clients/sdk/src/index.ts'
import { openLedger, submitCall } from '../../ledger/client/src/index.ts'
import { findBinaries, NetworkError } from '../../ledger/network/src/index.ts'
import { encodeBase64url, encodeHex } from '../../shared/crypto/src/index.ts'
import { createNodeCrypto } from '../../shared/crypto/src/node-crypto.ts'
import { newRef } from '../../shared/protocol/src/index.ts'
import { startBench, type RunningBench } from '../system/running.ts'
import { CHANNEL } from '../system/system.ts'
import { latencyOf, rateOf, runWindows } from './load-windows.ts'
import { measureMixed } from './mixed-users.ts'

const SUBMITTERS = 50

export const fabric: Measurement = {
  id: 'fabric',
  title: 'The same on Fabric',
  gives: ['fabric_', 'raw_fabric_'],
  run: measureFabric,
  plots: (report) => {
    const bars: Bar[] = [
      { group: 'alone', series: 'raw submit', value: valueOf(report, 'raw_fabric_submit_lone_ms') },
      { group: 'alone', series: 'ours, whole path', value: valueOf(report, 'fabric_store_lone_ms') },
    ]
    return barsBeside('fabric', 'Milliseconds of a transaction and of a store on Fabric, alone', bars, { axis: 'ms' })
  },
}

async function measureFabric(report: Report, context: Context): Promise<void> {
  try {
    findBinaries()
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error
    report.notes['fabric_store'] = `not measured: ${error.message}`
    return
  }
  const { clients, isQuick } = context
  const [rounds, windowMs] = isQuick ? [1, 3_000] : [3, 8_000]
  const bench = await startBench(clients, 'fabric')
  try {
    await bench.run({ work: 'store', clients, windowMs })
    const many = await runWindows(bench, rounds, { work: 'store', clients, windowMs })
    report.metrics[`fabric_store_full_path_per_s_${clients}`] = rateOf(many, 'EHRs/s')
    report.metrics[`fabric_store_latency_ms_${clients}`] = latencyOf(many)
    const lone = { clients: 1, windowMs: windowMs / 2 }
    for (const [id, work] of [
      ['fabric_store_lone_ms', 'store'],
      ['fabric_query_lone_ms', 'query'],
      ['fabric_update_lone_ms', 'correct'],
    ] as const) {
      report.metrics[id] = latencyOf(await runWindows(bench, rounds, { work, ...lone }))
    }
    const minuteMs = isQuick ? 8_000 : 60_000
    for (const [users, mixedMs] of [
      [Math.round(clients / 10), minuteMs / 4],
      [clients, minuteMs],
    ] as const) {
      await measureMixed(report, bench, { prefix: 'fabric_mixed', users, windowMs: mixedMs })
    }
    await measureRawSubmits(report, bench, windowMs)
  } finally {
    await bench.close()
  }
}

/** Registrations of practitioners, the administrator's own transactions: endorsed by both, ordered, committed, waited for. */
async function measureRawSubmits(report: Report, { system }: RunningBench, windowMs: number): Promise<void> {
  const crypto = createNodeCrypto()
  const ledger = await openLedger(system.ledgerUrl, { crypto, channel: CHANNEL, identity: system.admin })
  const { sealKey } = createKeys(crypto)
  const submit = async (): Promise<void> => {
    const registration = {
      ref: newRef(crypto, 'd'),
      kind: 'doctor',
      publicKey: encodeBase64url(crypto.generateSigningKey().publicKey),
      sealKey: encodeBase64url(sealKey.publicKey),
      certSerial: encodeHex(crypto.randomBytes(8)),
      attributes: {},
    }
    await submitCall(ledger, system.admin, { fn: 'registerParticipant', args: [JSON.stringify(registration)] })
  }
  try {
    await runWindow(windowMs / 4, SUBMITTERS, submit)
    const many = await runWindow(windowMs, SUBMITTERS, submit)
    const alone = await runWindow(windowMs / 2, 1, submit)
    report.metrics[`raw_fabric_submits_per_s_${SUBMITTERS}`] = {
      value: many.perSecond,
      unit: 'transactions/s',
      n: many.latenciesMs.length,
    }
    report.metrics['raw_fabric_submit_lone_ms'] = spread(alone.latenciesMs, 'ms')
  } finally {
    await ledger.close()
  }
}
