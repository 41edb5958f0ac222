import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NATION, proofBytes, simulate, type Scenario } from './simulation.ts'
import { unitCostsOf } from './unit-costs.ts'

const { costs } = unitCostsOf({ metrics: {} })

/** Small enough to draw many times. */
const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    hospitals: fc.integer({ min: 1, max: 20 }),
    recordsPerYear: fc.integer({ min: 10_000, max: 1_000_000 }),
    mostInBatch: fc.integer({ min: 1, max: 256 }),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  })
  .map((some) => ({ ...NATION, ...some, patients: 10_000 }))

test('the same seed gives the same result; more waiting never means more transactions', () => {
  fc.assert(
    fc.property(scenarios, (scenario) => {
      const result = simulate(scenario, costs)
      assert.deepEqual(simulate(scenario, costs), result)
      const transactions = result.batching.map((one) => one.transactionsPerYear)
      const [alone = 0] = transactions
      for (const one of transactions) {
        assert.ok(one <= alone)
        assert.ok(one * scenario.mostInBatch >= alone, 'no batch is larger than allowed')
      }
      const bytes = result.batching.map((one) => one.ledgerBytesPerYear)
      assert.ok(Math.min(...bytes) >= scenario.recordsPerYear * costs.ledgerBytesPerRecord)
    }),
    { numRuns: 25 },
  )
})

test('as many arrive as the year has, give or take what chance does', () => {
  const scenario: Scenario = { ...NATION, hospitals: 10, recordsPerYear: 10_000_000 }
  const [alone] = simulate(scenario, costs).batching
  const drawn = alone?.transactionsPerYear ?? 0
  // Two days of some 30,000 are drawn for the year: 5 % is nine standard deviations.
  assert.ok(Math.abs(drawn / scenario.recordsPerYear - 1) < 0.05, `${drawn}`)
})

test('proofs grow with the logarithm, and servers are enough for each resource', () => {
  assert.equal(proofBytes(2 ** 20) - proofBytes(2 ** 10), 10 * 32)
  const result = simulate({ ...NATION, recordsPerYear: 1_000_000 }, costs)
  const { needed, ...each } = result.servers
  for (const count of Object.values(each)) assert.ok(needed >= count)
  const headrooms = result.resources.map(({ headroom }) => headroom)
  assert.deepEqual(
    headrooms,
    headrooms.toSorted((a, b) => a - b),
  )
})

test('a measured cost takes the place of an assumption, and the page says which is which', () => {
  const measured = unitCostsOf({ metrics: { read_verified_per_s: { value: 1234, unit: 'reads/s' } } })
  assert.equal(measured.costs.readsPerSecond, 1234)
  const sources = new Map(measured.rows.map(({ name, source }) => [name, source]))
  assert.equal(sources.get('readsPerSecond'), '`read_verified_per_s`')
  assert.match(sources.get('storesPerSecond') ?? '', /^assumed/)
})
