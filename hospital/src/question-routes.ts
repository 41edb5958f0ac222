/**
 * `/v1/questions`: patients ask the hospital and report misuse, staff who review answer.
 *
 * @module
 */
import { Type, type Static } from 'typebox'
import { patientRefShape, ProtocolError } from '../../shared/protocol/src/index.ts'
import type { EmergencyReviews } from './emergency-reviews.ts'
import {
  MAX_QUESTION_CHARACTERS,
  QUESTION_KINDS,
  QUESTION_SUBJECTS,
  type Question,
  type Questions,
} from './questions.ts'
import type { RouteParts } from './route-parts.ts'
import { requireStaff } from './staff/roles.ts'

const MAX_BODY_BYTES = 16_384
const Text = Type.String({ minLength: 1, maxLength: MAX_QUESTION_CHARACTERS, pattern: '\\S' })
const QuestionBody = Type.Object(
  {
    kind: Type.Union(QUESTION_KINDS.map((kind) => Type.Literal(kind))),
    about: Type.Object(
      {
        kind: Type.Union(QUESTION_SUBJECTS.map((kind) => Type.Literal(kind))),
        id: Type.String({ pattern: '^[0-9a-z-]{1,40}$' }),
      },
      { additionalProperties: false },
    ),
    text: Text,
  },
  { additionalProperties: false },
)
const AnswerBody = Type.Object({ text: Text }, { additionalProperties: false })

export interface QuestionParts {
  readonly questions: Questions
  readonly reviews: EmergencyReviews
}

export function registerQuestionRoutes({ server, caller, nowMs }: RouteParts, parts: QuestionParts): void {
  const { questions, reviews } = parts
  /** With what staff found of the emergency access that it is about. */
  const shown = (one: Question) => {
    const review = one.about.kind === 'emergency' ? reviews.find(one.about.id) : undefined
    if (review === undefined) return one
    const { verdict, timeMs, reportTx } = review
    return { ...one, review: { verdict, timeMs, ...(reportTx === undefined ? {} : { reportTx }) } }
  }
  server.post('/v1/questions', { bodyLimit: MAX_BODY_BYTES, schema: { body: QuestionBody } }, async (request) => {
    const who = await caller(request)
    if (who.role !== 'patient') throw new ProtocolError('TEE_FORBIDDEN', 'patients ask')
    const question = request.body as Static<typeof QuestionBody>
    return questions.ask(patientRefShape(who.ref, 'caller'), question, nowMs())
  })
  server.get('/v1/questions', async (request) => {
    const who = await caller(request)
    if (who.role === 'patient') return { questions: questions.list(patientRefShape(who.ref, 'caller')).map(shown) }
    requireStaff(who, 'review')
    return { questions: questions.list().map(shown) }
  })
  server.post(
    '/v1/questions/:id/answer',
    { bodyLimit: MAX_BODY_BYTES, schema: { body: AnswerBody } },
    async (request) => {
      const who = await caller(request)
      requireStaff(who, 'review')
      const { id } = request.params as { id: string }
      const { text } = request.body as Static<typeof AnswerBody>
      questions.answer(id, { text, by: who.staff?.name ?? 'service', timeMs: nowMs() })
      return { ok: true }
    },
  )
}
