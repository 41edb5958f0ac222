export { createSqlCipherPort, type SqlCipherOptions } from './sqlcipher-database.ts'
