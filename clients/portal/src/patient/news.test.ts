import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dueReminders, nextVisit, wasOpened, type Choice } from './choices.ts'
import { isNews, isSensitive } from './news.ts'

const DAY_MS = 86_400_000
const nowMs = Date.UTC(2026, 10, 14)
const list = ['http://loinc.org|22637-3', 'labels|HIV']
const coded = (member: string, system: string, code: string) => ({ [member]: { coding: [{ system, code }] } })

test('a result is sensitive by its code, type, category or label, and by nothing else', () => {
  assert.ok(isSensitive(coded('code', 'http://loinc.org', '22637-3'), list))
  assert.ok(isSensitive(coded('type', 'http://loinc.org', '22637-3'), list))
  assert.ok(isSensitive({ category: [{ coding: [{}] }, coded('x', 'labels', 'HIV')['x']] }, list))
  assert.ok(isSensitive({ meta: { security: [{ system: 'labels', code: 'HIV' }] } }, list))
  assert.ok(!isSensitive(coded('code', 'http://loinc.org', '59261-8'), list))
  assert.ok(!isSensitive(coded('code', 'other', '22637-3'), list))
  assert.ok(!isSensitive(coded('reasonCode', 'labels', 'HIV'), list))
  assert.ok(!isSensitive({}, list))
  assert.ok(!isSensitive(coded('code', 'http://loinc.org', '22637-3'), []))
})

test('it is news until a visit has ended since, and for 90 days at most', () => {
  const resource = { effectiveDateTime: '2026-11-10T08:00:00Z' }
  const storedMs = nowMs - 2 * DAY_MS
  const facts = { storedMs, nowMs, visitsEndedMs: [] }
  assert.ok(isNews(resource, facts))
  assert.ok(isNews(resource, { ...facts, visitsEndedMs: [storedMs - 1, nowMs + 1] }))
  assert.ok(!isNews(resource, { ...facts, visitsEndedMs: [storedMs + 1] }))
  assert.ok(!isNews(resource, { ...facts, visitsEndedMs: [nowMs] }))
  assert.ok(!isNews(resource, { ...facts, storedMs: nowMs - 91 * DAY_MS }))
  assert.ok(!isNews({ effectiveDateTime: '2020' }, facts))
  assert.ok(isNews({}, facts))
})

test('a reminder is due from its time on, and not for what was opened', () => {
  const choices: readonly Choice[] = [
    { record: 'r-1', opened: true },
    { record: 'r-2', remindMs: 5 },
    { record: 'r-3', remindMs: 6 },
  ]
  assert.deepEqual(dueReminders(choices, 5), [{ record: 'r-2', remindMs: 5 }])
  assert.ok(wasOpened(choices, 'r-1'))
  assert.ok(!wasOpened(choices, 'r-2'))
  assert.ok(!wasOpened(choices, 'r-4'))
})

test('the next visit is the one that ends first from now on', () => {
  assert.equal(nextVisit([{ endMs: 9 }, { endMs: 7 }, { endMs: 5 }], 5)?.endMs, 7)
  assert.equal(nextVisit([{ endMs: 5 }], 5), undefined)
})
