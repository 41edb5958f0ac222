/**
 * Loading fabric-contract-api hangs handlers for uncaught exceptions and unhandled rejections on the process, which write
 * a line and go on. In a chaincode process that is Fabric's business. Here it would keep a program alive that should stop,
 * and one whose output is closed would fail, log, and fail again without end. So they are taken off.
 *
 * @module
 */
import process from 'node:process'
// oxlint-disable-next-line import/no-unassigned-import -- whoever loads it first, its handlers are there afterwards
import 'fabric-contract-api'

/** The names of the functions: winston's, and the one in fabric-contract-api/lib/logger.js. */
const UNCAUGHT = 'bound _uncaughtException'
const UNHANDLED = 'loggerUnhandledRejectionFn'

for (const listener of process.listeners('uncaughtException')) {
  if (listener.name === UNCAUGHT) process.off('uncaughtException', listener)
}
for (const listener of process.listeners('unhandledRejection')) {
  if (listener.name === UNHANDLED) process.off('unhandledRejection', listener)
}
