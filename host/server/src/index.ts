/**
 * The host's HTTP server.
 *
 * @module
 */
export { startHostServer, type HostServer, type HostServerLimits, type HostServerOptions } from './server.ts'
