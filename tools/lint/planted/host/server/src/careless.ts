import { test } from 'node:test'

type Kind = 'one' | 'two'

async function later(): Promise<void> {}

export function forgets(): void {
  later() // expect: typescript/no-floating-promises
}

export function misuses(list: string[]): boolean[] {
  return list.map((one) => {
    if (later()) return one === '' // expect: typescript/no-misused-promises
    return true
  })
}

export function misses(kind: Kind): number {
  switch (kind) { // expect: typescript/switch-exhaustiveness-check
    case 'one':
      return 1
  }
  return 0
}

export function loose(value: any): string { // expect: typescript/no-explicit-any
  const kept: string = value // expect: typescript/no-unsafe-assignment
  value() // expect: typescript/no-unsafe-call
  Number.parseInt(value) // expect: typescript/no-unsafe-argument
  if (value.member === 1) return kept // expect: typescript/no-unsafe-member-access
  return value // expect: typescript/no-unsafe-return
}

export function throws(): never {
  throw 'text' // expect: typescript/only-throw-error
}

export function prints(value: object): string {
  return `${value}` // expect: typescript/restrict-template-expressions, typescript/no-base-to-string
}

export default later // expect: import/no-default-export

// A clock is fine here: this folder is not pure. So is a test that nobody awaits.
export const startedMs = Date.now()
test('fine', async () => {
  await later()
})
