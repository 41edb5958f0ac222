import { readFileSync } from 'node:fs' // expect: TS2591
export const engine = [
  process, // expect: TS2591
  Buffer, // expect: TS2591
  console, // expect: TS2584
  TextEncoder, // expect: TS2304
  TextDecoder, // expect: TS2304
  fetch, // expect: TS2304
  setTimeout, // expect: TS2304
  crypto, // expect: TS2304
  URL, // expect: TS2304
  structuredClone, // expect: TS2304
  document, // expect: TS2584
  readFileSync,
]
// Newer than ES2023: the small engine of the trusted application has not got it.
export const newer = Promise.withResolvers() // expect: TS2550
