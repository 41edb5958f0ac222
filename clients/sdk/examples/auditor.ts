/** An auditor checks the whole ledger, and that a record server never told two histories. */
import type { AuditorClient, LedgerAudit, LogAudit } from '../src/index.ts'

export async function auditEverything(
  auditor: AuditorClient,
  serverRef: Parameters<AuditorClient['verifyLog']>[0],
): Promise<{ readonly ledger: LedgerAudit; readonly log: LogAudit }> {
  const ledger = await auditor.verifyLedger()
  const log = await auditor.verifyLog(serverRef)
  return { ledger, log }
}
