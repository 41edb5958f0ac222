export const names = [
  Date, // expect: no-restricted-globals
  Intl, // expect: no-restricted-globals
  console, // expect: no-restricted-globals
  process, // expect: no-restricted-globals
  Buffer, // expect: no-restricted-globals
  fetch, // expect: no-restricted-globals
  setTimeout, // expect: no-restricted-globals
  setInterval, // expect: no-restricted-globals
  setImmediate, // expect: no-restricted-globals
  queueMicrotask, // expect: no-restricted-globals
  performance, // expect: no-restricted-globals
  crypto, // expect: no-restricted-globals
  TextEncoder, // expect: no-restricted-globals
  TextDecoder, // expect: no-restricted-globals
  WeakRef, // expect: no-restricted-globals
  FinalizationRegistry, // expect: no-restricted-globals
]

export const properties = [
  Math.random(), // expect: no-restricted-properties
  globalThis.Date, // expect: no-restricted-properties
  'a'.localeCompare('b'), // expect: no-restricted-properties
  (1).toLocaleString(), // expect: no-restricted-properties
  'a'.toLocaleLowerCase(), // expect: no-restricted-properties
  'a'.toLocaleUpperCase(), // expect: no-restricted-properties
]
