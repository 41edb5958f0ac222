// breaks: sqlcipher-confined
import Database from 'better-sqlite3-multiple-ciphers'
export const fault = Database
