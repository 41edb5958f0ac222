/**
 * Commands that decide nothing: who am I, is anybody there, what does the log look like.
 *
 * @module
 */
import { bytes, literal, optional, struct, uint } from '../../../../shared/protocol/src/index.ts'
import { TrustedApplicationError } from '../errors.ts'
import { command, EVERYBODY } from './call.ts'

const MAX_PING_BYTES = 8 * 1024 * 1024

export const SIMPLE_COMMANDS = {
  ping: command(struct({ cmd: literal('ping'), data: optional(bytes({ max: MAX_PING_BYTES })) }), {
    who: EVERYBODY,
    run: ({ reply, vault }, { data }) => reply({ data: data ?? new Uint8Array(0), timeMs: vault.now().unixMs }),
  }),

  whoami: command(struct({ cmd: literal('whoami') }), {
    who: EVERYBODY,
    run: ({ reply, client: { ref, kind, mspId } }) => reply({ ref, kind, mspId }),
  }),

  checkpoint: command(struct({ cmd: literal('checkpoint') }), {
    who: EVERYBODY,
    run: ({ reply, vault }) => reply(() => ({ checkpoint: vault.checkpoints.current().text })),
  }),

  proof: command(
    struct({
      cmd: literal('proof'),
      index: optional(uint()),
      size: optional(uint()),
      from: optional(uint()),
      to: optional(uint()),
    }),
    {
      who: EVERYBODY,
      run: ({ reply, vault }, { index, size, from, to }) => {
        const { log } = vault.store
        const isInclusion = index !== undefined && size !== undefined && from === undefined && to === undefined
        const isConsistency = from !== undefined && to !== undefined && index === undefined && size === undefined
        if (isInclusion && size <= log.committedSize) reply({ proof: log.inclusionProof(index, size) })
        else if (isConsistency && to <= log.committedSize) reply({ proof: log.consistencyProof(from, to) })
        else throw new TrustedApplicationError(isInclusion || isConsistency ? 'LOG_SIZE_INVALID' : 'MESSAGE_MALFORMED')
      },
    },
  ),
}
