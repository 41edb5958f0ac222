/**
 * fabric-shim's loggers format every line before they drop what is below their level; with the lines that it has for each
 * message from and to the peer, that is a third of this process's time. Here such lines end before they are formatted.
 *
 * @module
 */
import shim from 'fabric-shim'

/** What runs for each transaction. */
const LOGGERS = [
  'lib/handler.js',
  'lib/stub.js',
  'lib/chaincode.js',
  'lib/iterators.js',
  'contracts-spi/chaincodefromcontract.js',
  'contracts-spi/datamarshall.js',
] as const
const LEVELS = ['debug', 'info'] as const

/** As `newLogger` hands it out; its own type is one without levels. */
interface ShimLogger {
  isLevelEnabled(level: string): boolean
  debug: () => ShimLogger
  info: () => ShimLogger
}

/** Call it once. The level is that of CORE_CHAINCODE_LOGGING_LEVEL, in Fabric's words: `warning`, not `warn`. */
export function dropUnwantedLogLines(): void {
  for (const name of LOGGERS) {
    const logger = shim.newLogger(name) as unknown as ShimLogger
    for (const level of LEVELS) if (!logger.isLevelEnabled(level)) logger[level] = () => logger
  }
}
