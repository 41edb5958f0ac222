export const nowMs = () => Date.now() // expect: no-restricted-globals
export const chance = () => Math.random() // expect: no-restricted-properties
