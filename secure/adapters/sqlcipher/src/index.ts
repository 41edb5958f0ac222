export {
  createDeferredSqlCipherPort,
  createSqlCipherPort,
  type DeferredSqlCipherPort,
  type SqlCipherOptions,
} from './sqlcipher-database.ts'
