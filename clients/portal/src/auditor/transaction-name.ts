/**
 * What a transaction of the shared ledger did, in words; the name that the contract has for it stands in the details.
 *
 * @module
 */
import type { Words } from '../i18n/words.ts'

/** @param fn function of the contract; a newer contract may have one without words here. */
export function transactionName({ t, has }: Words, fn: string): string {
  return has(`auditor.transaction.name.${fn}`) ? t(`auditor.transaction.name.${fn}`) : fn
}
