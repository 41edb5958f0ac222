export const engine = process // expect: TS2591
