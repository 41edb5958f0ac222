/**
 * Who may import whom, as rules of dependency-cruiser. `FOLDERS` is the table of docs/architecture.md: one row there is
 * one row here. Tests that stand beside the code may import what they need; the rules are for what is shipped.
 *
 * @module
 */
import type { IForbiddenRuleType } from 'dependency-cruiser'

/** `may`: folders of this repository. `node`: the built-ins allowed, or all. `packages`: npm packages, or all declared. */
interface FolderRow {
  readonly folder: string
  readonly may: readonly string[]
  readonly node: readonly string[] | 'all'
  readonly packages: readonly string[] | 'all'
  readonly why: string
}

/** The ports and errors of the core: what an adapter is allowed to see of it. */
const CORE_PORTS = 'secure/core/src/(ports|errors)\\.ts$'
/** The folders whose programs `trusthealth start` composes; it sees their entry points only. */
const ENTRY_POINTS =
  '((host/[^/]+|hospital|ledger/(embedded|client|network)|tee/[^/]+)/src/(index|main)|ledger/client/src/fabric/index)\\.ts$'

const STORAGE = ['fs', 'fs/promises', 'path']

export const FOLDERS: readonly FolderRow[] = [
  { folder: 'shared/crypto', may: [], node: [], packages: ['@noble/'], why: 'constructions stand alone' },
  { folder: 'shared/fhir', may: [], node: [], packages: [], why: 'FHIR stands alone' },
  { folder: 'shared/tlog', may: ['shared/crypto/'], node: [], packages: [], why: 'a log needs only hashes' },
  {
    folder: 'shared/protocol',
    may: ['shared/crypto/', 'shared/tlog/'],
    node: [],
    packages: [],
    why: 'wire formats need only the constructions',
  },
  {
    folder: 'shared/ledger-model',
    may: ['shared/protocol/', 'shared/crypto/', 'shared/tlog/'],
    node: [],
    packages: [],
    why: 'what the ledger holds, without a ledger',
  },
  {
    folder: 'shared/tee-abi',
    may: ['shared/protocol/', 'shared/crypto/'],
    node: [],
    packages: [],
    why: 'the one door between the worlds',
  },
  { folder: 'secure/core', may: ['shared/'], node: [], packages: [], why: 'decisions are pure' },
  {
    folder: 'secure/adapters',
    may: [CORE_PORTS, 'shared/'],
    node: [...STORAGE, 'zlib'],
    packages: ['better-sqlite3-multiple-ciphers'],
    why: 'an adapter implements a port of the core and knows no decision',
  },
  {
    folder: 'secure/ta',
    may: ['secure/', 'shared/'],
    node: [...STORAGE, 'process', 'buffer'],
    packages: [],
    why: 'composition root of the trusted computing base',
  },
  { folder: 'tee', may: ['shared/'], node: 'all', packages: 'all', why: 'starts the TA as a file, never as an import' },
  {
    folder: 'host',
    may: ['shared/', 'tee/', 'ledger/client/'],
    node: 'all',
    packages: 'all',
    why: 'the normal world sees no code of the secure world',
  },
  {
    folder: 'ledger/contract',
    may: ['shared/ledger-model/', 'shared/protocol/', 'shared/crypto/', 'shared/tlog/'],
    node: [],
    packages: ['fabric-contract-api'],
    why: 'every endorser must compute the same bytes',
  },
  { folder: 'ledger/client', may: ['shared/'], node: 'all', packages: 'all', why: 'a client trusts no ledger' },
  {
    folder: 'ledger/embedded',
    may: ['shared/', 'ledger/contract/', 'ledger/client/'],
    node: 'all',
    packages: 'all',
    why: 'runs the contract, knows no hospital and no server',
  },
  {
    folder: 'ledger/network',
    may: [
      'shared/',
      'ledger/contract/',
      'ledger/client/src/fabric/(profile|signatures)\\.ts$',
      'hospital/src/(certificate-authority|organization)\\.ts$',
    ],
    node: 'all',
    packages: 'all',
    why: 'sets a Fabric network up and runs the contract in it; of a hospital it knows the authority only',
  },
  {
    folder: 'hospital',
    may: ['shared/', 'clients/sdk/', 'ledger/client/'],
    node: 'all',
    packages: 'all',
    why: 'reaches records only as a client does',
  },
  {
    folder: 'clients/sdk',
    may: ['shared/'],
    node: [],
    packages: [],
    why: 'runs in browsers too; ports bring the rest',
  },
  {
    folder: 'clients/cli',
    may: ['clients/sdk/', 'shared/', ENTRY_POINTS],
    node: 'all',
    packages: 'all',
    why: 'knows programs by their entry point, not their insides',
  },
  {
    folder: 'clients/portal',
    may: ['clients/sdk/', 'shared/'],
    node: [],
    // Each of them runs in a browser beside patients' records; docs/dependencies.md says what for.
    packages: [
      '@mantine/(core|hooks)/',
      '@scure/bip39/',
      '@tabler/icons-react/',
      '@formatjs/icu-messageformat-parser/',
      '@tanstack/react-query/',
      '@tanstack/react-virtual/',
      'd3-scale/',
      'diff/',
      'idb/',
      'qr/',
      'react/',
      'react-dom/',
      'react-intl/',
      'wouter/',
    ],
    why: 'runs in browsers; reaches everything as a client does',
  },
]

/** Folders that nothing shipped may import; they themselves may import everything. */
export const WORKSHOP = ['testkit', 'test', 'bench', 'tools'] as const

/** The top-level folders that hold code. */
export const ROOTS: readonly string[] = [
  ...new Set(FOLDERS.map(({ folder }) => folder.split('/')[0] ?? '')),
  ...WORKSHOP,
]

/** Node modules that open a way out of the trusted application. */
const WAYS_OUT =
  '^(node:)?(http|http2|https|net|tls|dgram|dns|dns/promises|child_process|cluster|worker_threads|inspector)$'
const OURS = `^(${ROOTS.join('|')})/`
const TEST = '\\.(test|test-d)\\.ts$'
const SHIPPED = `^(${FOLDERS.map((row) => row.folder).join('|')})/`
/**
 * Built into files before it is shipped: its packages are inside them, and need not be there where it runs. Which these
 * are, the folder's own row says.
 */
const BUNDLED = '^clients/portal/'
/** The one file that imports a module which only the bundler makes, and that module. */
const STYLES = '^clients/portal/src/theme/styles\\.ts$'
const MADE_STYLES = '^virtual:mantine-variables\\.css$'
const NODE_CRYPTO = '^shared/crypto/src/node-crypto\\.ts$'
const CONTRACT_ENTRY = '^ledger/contract/src/index\\.ts$'

const ruleName = (folder: string, what: string) => `${folder.replaceAll('/', '-')}-${what}`
const rule = (
  name: string,
  comment: string,
  from: IForbiddenRuleType['from'],
  to: Extract<IForbiddenRuleType, { to: unknown }>['to'],
): IForbiddenRuleType => ({ name, severity: 'error', comment, from, to })

/** `folder` may import itself and the listed folders of this repository, nothing else of it. */
const imports = ({ folder, may, why }: FolderRow) =>
  rule(
    ruleName(folder, 'imports'),
    why,
    { path: `^${folder}/`, pathNot: TEST },
    { path: OURS, pathNot: [`^${folder}/`, ...may.map((allowed) => `^${allowed}`)] },
  )

/** `folder` may use the listed Node built-ins only. */
const builtIns = ({ folder, node, why }: FolderRow) =>
  rule(
    ruleName(folder, 'node'),
    why,
    { path: `^${folder}/`, pathNot: [TEST, NODE_CRYPTO] },
    { dependencyTypes: ['core'], pathNot: `^(node:)?(${['-', ...(node as readonly string[])].join('|')})$` },
  )

/** `folder` may use the listed packages only. */
const packages = ({ folder, packages: allowed, why }: FolderRow) =>
  rule(
    ruleName(folder, 'packages'),
    why,
    { path: `^${folder}/`, pathNot: TEST },
    {
      path: 'node_modules/',
      pathNot: ['-', ...(allowed as readonly string[])].map((name) => `node_modules/(@types/)?${name}`),
    },
  )

/** The package may be imported from `where` only; tests and their kit are free. */
const confined = (name: string, packagePath: string, where: readonly string[], comment: string) =>
  rule(
    `${name}-confined`,
    comment,
    { path: OURS, pathNot: [...where.map((folder) => `^${folder}`), '^(testkit|test)/', TEST] },
    { path: `node_modules/(@types/)?${packagePath}` },
  )

export const FORBIDDEN: readonly IForbiddenRuleType[] = [
  ...FOLDERS.map(imports),
  ...FOLDERS.filter((row) => row.node !== 'all').map(builtIns),
  ...FOLDERS.filter((row) => row.packages !== 'all').map(packages),
  rule(
    'adapters-apart',
    'one adapter, one port: composition happens in secure/ta',
    { path: '^secure/adapters/([^/]+)/', pathNot: TEST },
    { path: '^secure/adapters/', pathNot: '^secure/adapters/$1/' },
  ),
  rule(
    'node-crypto-file-only',
    'in shared, only node-crypto.ts knows node:crypto, and it knows no other built-in',
    { path: NODE_CRYPTO },
    { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
  ),
  rule(
    'pure-without-node-crypto',
    'pure code gets the Crypto port handed in; it never chooses the implementation',
    { path: '^(shared|secure/core|ledger/contract|clients/sdk)/', pathNot: [TEST, NODE_CRYPTO, CONTRACT_ENTRY] },
    { path: NODE_CRYPTO },
  ),
  rule(
    'secure-never-reaches-network',
    'the trusted application has one door, shared/tee-abi; not even through others does it reach another',
    { path: '^secure/', pathNot: TEST },
    { path: WAYS_OUT, reachable: true },
  ),
  confined('noble', '@noble/', ['shared/crypto/'], 'one place to audit'),
  confined(
    'fabric-contract-api',
    'fabric-(contract-api|shim)',
    ['ledger/contract/src/index\\.ts$', 'ledger/embedded/', 'ledger/network/'],
    'transactions stay pure functions',
  ),
  confined(
    'sqlcipher',
    'better-sqlite3',
    ['secure/adapters/sqlcipher/', 'ledger/embedded/', 'hospital/src/database\\.ts$', 'bench/'],
    'one place in each program that opens a database',
  ),
  confined(
    'native-calls',
    'koffi',
    ['tee/optee/src/libteec\\.ts$'],
    'one place that calls into libraries of the machine',
  ),
  confined(
    'terminal',
    '(commander|cli-progress|@clack/|yoctocolors|@bomb\\.sh/)',
    ['clients/cli/'],
    'programs log, people read',
  ),
  rule(
    'workshop-stays-home',
    'nothing shipped imports tests, their kit, measurements or tools',
    { path: SHIPPED, pathNot: TEST },
    { path: [`^(${WORKSHOP.join('|')})/`, TEST] },
  ),
  rule(
    'no-development-packages',
    'what is shipped runs without devDependencies; types vanish and may come from them',
    { path: SHIPPED, pathNot: [TEST, BUNDLED] },
    { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
  ),
  rule(
    'no-undeclared-packages',
    'a package that only another package brings can vanish with the next update',
    { path: OURS },
    { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
  ),
  rule('no-cycles', 'a cycle has no layers', { path: OURS }, { circular: true }),
  rule(
    'no-unresolved',
    'an import we cannot see is an import we cannot judge',
    { path: OURS, pathNot: STYLES },
    { couldNotResolve: true },
  ),
  rule(
    'no-unresolved-styles',
    'the bundler makes one module, for one file',
    { path: STYLES },
    { couldNotResolve: true, pathNot: MADE_STYLES },
  ),
]

/** The folder row, or part of the workshop, that governs a file; `undefined` means no rule speaks of it. */
export function governs(file: string): string | undefined {
  return [...FOLDERS.map((row) => row.folder), ...WORKSHOP].find((folder) => file.startsWith(`${folder}/`))
}
