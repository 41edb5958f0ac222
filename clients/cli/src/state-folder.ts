/**
 * Where one installation keeps what it has: paths only. Everything below is readable by its owner only.
 *
 * ```
 * system.json              what runs: processes, addresses, names
 * system.lock              held while `trusthealth start` runs
 * consortium/              public configuration; the operator's own keys in operator/
 * ledger/ server/          the programs' own folders
 * fabric/                  the ledger, where it is a network of Fabric
 * hospitals/<slug>/        a hospital's keys and its store
 * identities/<name>.json   one person each
 * imports/                 journals of imports
 * logs/                    one file for each program, no contents of records
 * ```
 *
 * @module
 */
import { join, resolve } from 'node:path'

export interface StateFolder {
  readonly root: string
  readonly system: string
  readonly lock: string
  readonly consortium: string
  readonly configurations: string
  readonly operator: string
  readonly ledger: string
  readonly fabric: string
  readonly server: string
  readonly hospitals: string
  readonly identities: string
  readonly imports: string
  readonly logs: string
}

export function stateFolderAt(root: string): StateFolder {
  const at = (...parts: string[]) => join(root, ...parts)
  return {
    root,
    system: at('system.json'),
    lock: at('system.lock'),
    consortium: at('consortium', 'consortium.json'),
    configurations: at('consortium', 'configurations.json'),
    operator: at('consortium', 'operator'),
    ledger: at('ledger'),
    fabric: at('fabric'),
    server: at('server'),
    hospitals: at('hospitals'),
    identities: at('identities'),
    imports: at('imports'),
    logs: at('logs'),
  }
}

/** `--state`, else $TRUSTHEALTH_STATE, else `.trusthealth` in the current folder. */
export function findStateFolder(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  currentFolder: string,
): StateFolder {
  const chosen = option ?? environment['TRUSTHEALTH_STATE'] ?? '.trusthealth'
  return stateFolderAt(resolve(currentFolder, chosen))
}

/** A name as a file name: `Hospital A` is `hospital-a`. Empty if nothing is left. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 48)
}
