/**
 * A bearer token for practice on one machine: whoever can read the hospital's folder may use its FHIR façade as a system,
 * without registering an app first. Made only where the protected area is simulated; elsewhere apps get theirs by SMART.
 *
 * @module
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Actor, Authorization } from '../authorization.ts'
import { writePrivateFile } from '../private-file.ts'

export const PRACTICE_TOKEN_FILE = 'fhir-token'

const PRACTICE: Actor = { kind: 'system', id: 'practice', name: 'Practice token', scopes: ['system/*.cruds'] }

/** The token in `folder`; made if it is not there. */
export function openPracticeToken(folder: string): string {
  const path = join(folder, PRACTICE_TOKEN_FILE)
  if (!existsSync(path)) writePrivateFile(path, `${randomBytes(24).toString('base64url')}\n`)
  return readFileSync(path, 'utf8').trim()
}

/** Takes the practice token, and asks `others` about everything else. */
export function withPracticeToken(token: string, others: Authorization): Authorization {
  const wanted = Buffer.from(`Bearer ${token}`)
  return {
    authorize(request) {
      const given = Buffer.from(request.authorization ?? '')
      const isPractice = given.length === wanted.length && timingSafeEqual(given, wanted)
      return isPractice ? Promise.resolve(PRACTICE) : others.authorize(request)
    },
  }
}
