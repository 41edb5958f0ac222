/**
 * Reports of misuse that this hospital puts on the shared ledger: staff found that an emergency access was none. The
 * ledger then lets access that patients gave to the doctor rest, until the doctor's own organisation reinstates the doctor.
 *
 * The ledger gets who, a code, and one digest: SHA-256 of the UTF-8 of `emergency-access <server> <log index> <emergency>`,
 * which names the entry of the record server's log to whoever may read that. No patient, no reason, no note.
 *
 * Limits: one report for one access. The same one asked for again, also after a crash in between, is the one that is there.
 * Spec: docs/protocol/07-ledger.md §7.2.
 *
 * @module
 */
import type { Emergency } from '../../clients/sdk/src/participant.ts'
import { encodeHex, encodeUtf8, type Crypto } from '../../shared/crypto/src/index.ts'
import type { MisuseRecord, MisuseReport, RegisteredRef } from '../../shared/ledger-model/src/index.ts'
import type { ServerRef, Sha256Hex } from '../../shared/protocol/src/index.ts'
import type { LedgerWriter } from './ports.ts'

export interface MisuseReportsParts {
  readonly crypto: Crypto
  readonly serverRef: ServerRef
  readonly ledger: LedgerWriter
  /** Reports about somebody, as the ledger has them now. */
  readonly reportsOf: (ref: string) => Promise<MisuseRecord>
}

export class MisuseReports {
  readonly #parts: MisuseReportsParts
  readonly #underWay = new Map<string, Promise<string>>()

  constructor(parts: MisuseReportsParts) {
    this.#parts = parts
  }

  /**
   * Durable on the ledger when it resolves.
   * @returns the ledger's transaction.
   * @throws {ProtocolError | LedgerError} the code with which the contract refused, or `LEDGER_UNAVAILABLE`.
   */
  report(emergency: Emergency): Promise<string> {
    const { emergency: id } = emergency
    const known = this.#underWay.get(id)
    if (known !== undefined) return known
    const run = this.#report(emergency).finally(() => this.#underWay.delete(id))
    this.#underWay.set(id, run)
    return run
  }

  async #report({ emergency, doctor, logIndex }: Emergency): Promise<string> {
    const { crypto, serverRef, ledger, reportsOf } = this.#parts
    const words = `emergency-access ${serverRef} ${logIndex} ${emergency}`
    const digest = encodeHex(crypto.sha256(encodeUtf8(words))) as Sha256Hex
    const { reports } = await reportsOf(doctor)
    const known = reports.find(({ evidence }) => evidence.includes(digest))
    if (known !== undefined) return known.txId
    // What was opened without asking, and for no emergency, was opened without permission.
    const report: MisuseReport = { subject: doctor as RegisteredRef, code: 'no-permission', evidence: [digest] }
    return (await ledger.submit('reportMisuse', [JSON.stringify(report)])).txId
  }
}
