export const names = [
  fetch, // expect: no-restricted-globals
  WebSocket, // expect: no-restricted-globals
  EventSource, // expect: no-restricted-globals
  XMLHttpRequest, // expect: no-restricted-globals
]

export const properties = [
  Math.random(), // expect: no-restricted-properties
  process.getBuiltinModule('net'), // expect: no-restricted-properties
  process.binding('tcp_wrap'), // expect: no-restricted-properties, typescript/no-unsafe-call
]

// The clock port reads the clock here.
export const startedMs = Date.now()
