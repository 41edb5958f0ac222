/**
 * A hospital fetches its recovery share, and says when it keeps it. Spec: docs/protocol/12-recovery-shares.md §12.2.
 *
 * @module
 */
import { bytes, literal, optional, struct, type MspId } from '../../../../shared/protocol/src/index.ts'
import { command } from './call.ts'

export const RECOVERY_COMMANDS = {
  'recovery.share': command(
    struct({
      cmd: literal('recovery.share'),
      /** Id of the set whose share it keeps, durably. */
      has: optional(bytes({ length: 16 })),
    }),
    {
      who: ['organization'],
      needs: ({ configuration }) => ({ organizations: configuration.organizations.map(({ mspId }) => mspId) }),
      run({ vault, actor, facts, reply }, { has }) {
        const { signed, set } = vault.shares.renew(facts)
        const held = vault.shares.confirm(actor.mspId as MspId, has ?? new Uint8Array(0))
        reply({ ...signed, held, isReady: held >= set.threshold })
      },
    },
  ),
}
