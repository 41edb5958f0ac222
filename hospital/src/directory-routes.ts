/**
 * `/v1/directory`: the hospital's published list, for anybody. `/v1/directories`: those of other hospitals, for its own
 * people. Spec: docs/protocol/02-registration.md §2.11.
 *
 * @module
 */
import { ProtocolError, type SignedDirectory } from '../../shared/protocol/src/index.ts'
import type { Directories } from './directories.ts'
import type { RouteParts } from './route-parts.ts'

export interface DirectoryParts {
  readonly directories: Directories
  /** Absent: the hospital publishes none. */
  readonly published?: () => SignedDirectory
}

export function registerDirectoryRoutes(
  { server, caller }: RouteParts,
  { directories, published }: DirectoryParts,
): void {
  server.get('/v1/directory', (_request, reply) => {
    if (published === undefined) return reply.callNotFound()
    return published()
  })
  server.get('/v1/directories', async (request) => {
    const { role } = await caller(request)
    if (role === 'auditor') throw new ProtocolError('TEE_FORBIDDEN', 'auditors see the ledger only')
    return { directories: await directories.all() }
  })
}
