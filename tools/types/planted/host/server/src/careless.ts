interface Shape {
  readonly name?: string
}

export const unchecked = (list: string[]): string => list[0] // expect: TS2322
export const inexact: Shape = { name: undefined } // expect: TS2375
export const implicit = (value) => value // expect: TS7006
export const fromIndex = (map: Record<string, string>) => map.name // expect: TS4111
export class Base {
  run(): void {}
}
export class Derived extends Base {
  run(): void {} // expect: TS4114
}
export class Property {
  constructor(readonly value: string) {} // expect: TS1294
}
export enum Kind { // expect: TS1294
  One,
}
import { Shaped } from './fine.ts' // expect: TS1484
export const shaped: Shaped = { fine: true }
export function falls(kind: 1 | 2): number {
  switch (kind) {
    case 1: // expect: TS7029
      process.exitCode = 1
    case 2:
      return 2
  }
}
export function forgets(flag: boolean) { // expect: TS7030
  if (flag) return 1
}
export function unused(value: string): void { // expect: TS6133
  const kept = 1 // expect: TS6133
}
