/**
 * What anybody may ask: what this is, evidence of it, the log's checkpoint and its proofs. Nothing of it is secret.
 * Spec: docs/protocol/06-log-and-checkpoints.md, 09-evidence.md.
 *
 * @module
 */
import { TrustedApplicationError } from '../errors.ts'
import type { Context, Handlers } from './handlers.ts'
import { statusOf } from './status.ts'

export function evidenceOperations({ lifecycle }: Context): Handlers<'status' | 'attest' | 'checkpoint' | 'proof'> {
  return {
    status: () => statusOf(lifecycle),

    attest: ({ nonce }) => {
      const { configuration, identity, ports } = lifecycle.provisioned().vault
      const { serverRef, digest: configDigest } = configuration
      const claims = { serverRef, identityKey: identity.publicKey, configDigest, nowMs: ports.clock.nowMs() }
      return { evidence: ports.evidence.attest(nonce, claims) }
    },

    checkpoint: () => ({ checkpoint: lifecycle.provisioned().vault.checkpoints.current().text }),

    proof: ({ index, size, from, to }) => {
      const { log } = lifecycle.opened().store
      const limit = size ?? to ?? 0
      if (limit > log.committedSize) throw new TrustedApplicationError('LOG_SIZE_INVALID')
      if (index !== undefined && size !== undefined) return { proof: log.inclusionProof(index, size) }
      return { proof: log.consistencyProof(from ?? 0, to ?? 0) }
    },
  }
}
