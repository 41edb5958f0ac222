/**
 * What the files with routes share: schemas of the common members, and who asks.
 *
 * @module
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { CodeGuard } from './code-guard.ts'
import type { Caller } from './request-auth.ts'

export interface RouteParts {
  readonly server: FastifyInstance
  /** @throws {ProtocolError} `REQUEST_REJECTED` */
  readonly caller: (request: FastifyRequest) => Promise<Caller>
  readonly nowMs: () => number
  readonly guard: CodeGuard
}

/** Nobody has proven anything yet who registers. */
export const MAX_REGISTRATION_BYTES = 16_384

export const B64u = (max: number) => Type.String({ maxLength: max, pattern: '^[A-Za-z0-9_-]*$' })
export const Name = Type.String({ minLength: 1, maxLength: 128 })
export const Ref = Type.String({ pattern: '^[pdhas]-[0-9a-f]{32}$' })
export const Code = Type.String({ minLength: 12, maxLength: 12 })
export const DeviceLabel = Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,38}[A-Za-z0-9])?$' })
