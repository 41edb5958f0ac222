/**
 * Names that fast-check looks up when it is loaded, and never calls in synchronous properties.
 *
 * @module
 */
const never = (): never => {
  throw new Error('there are no timers in the secure world')
}

Object.assign(globalThis, { setTimeout: never, clearTimeout: never })
