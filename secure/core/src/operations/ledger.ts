/**
 * What the host brings from the ledger. Endorsed answers are checked by who asked for them; the rest are hints, which are
 * enough to go on and never to trust. Spec: docs/protocol/10-tee-abi.md §10.3.
 *
 * @module
 */
import { spreadRows } from '../../../../shared/ledger-model/src/index.ts'
import type { Context, Handlers } from './handlers.ts'

export function ledgerOperations({ lifecycle }: Context): Handlers<'endorsement' | 'committed' | 'anchored'> {
  return {
    endorsement: ({ need, answers = [], rows, code }) => {
      const travelling = { answers, ...(rows === undefined ? {} : { rows }) }
      const outcome = code === undefined ? { answers: spreadRows(travelling) } : { code }
      lifecycle.facts().deliver(need, outcome, lifecycle.installation.now().monotonicMs)
      return {}
    },

    committed: ({ items }) => {
      const { vault } = lifecycle.provisioned()
      vault.uploads.committed(items, vault.now().monotonicMs)
      return {}
    },

    anchored: ({ epoch, code }) => {
      const { vault } = lifecycle.provisioned()
      vault.anchor.settled(epoch, code, vault.now().monotonicMs)
      return {}
    },
  }
}
