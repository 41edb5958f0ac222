/**
 * What units of systemd, container files and workflows of CI must and must not say: least privilege, nothing that is
 * fetched without its hash, and programs that exist. Each rule has a planted fault in deployment.test.ts.
 *
 * @module
 */
import { parse } from 'yaml'

/** Whether the repository has this file. */
export type Exists = (path: string) => boolean

/** Directives that every service has, whatever their value. */
const WANTED = [
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'ProtectControlGroups=yes',
  'RestrictSUIDSGID=yes',
  'RestrictRealtime=yes',
  'LockPersonality=yes',
  'CapabilityBoundingSet=',
  'SystemCallArchitectures=native',
  'IPAddressDeny=any',
  'LimitCORE=0',
  'UMask=0077',
] as const
const INSTALLED = '/opt/trusthealth/'
const PINNED_ACTION = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/

/** @param text of a `.service` file. */
export function findUnitFaults(text: string, exists: Exists): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const valueOf = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)
  const faults = WANTED.filter((wanted) => !lines.includes(wanted)).map((wanted) => `${wanted} is missing`)
  const user = valueOf('User') ?? 'root'
  if (user === 'root' || user === '0') faults.push('it runs as root')
  if (valueOf('SystemCallFilter') === undefined) faults.push('no filter of system calls')
  if (valueOf('RestrictNamespaces') === undefined) faults.push('namespaces are not restricted')
  if (lines.some((line) => /^(Environment|ExecStart).*(key|secret|token|password)=\S/i.test(line))) {
    faults.push('a secret in the unit')
  }
  const [program = '', script = ''] = (valueOf('ExecStart') ?? '').split(' ')
  if (!program.startsWith(INSTALLED)) faults.push(`starts ${program}`)
  if (!exists(script)) faults.push(`there is no ${script}`)
  return faults
}

/** @param text of a Dockerfile. */
export function findDockerfileFaults(text: string, exists: Exists): string[] {
  const steps = text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const faults: string[] = []
  const stages = new Set<string>()
  let user = 'root'
  for (const step of steps) {
    const [word = '', ...rest] = step.trim().split(/\s+/)
    const value = rest.join(' ')
    if (word === 'FROM') {
      const [image = '', , alias] = rest
      if (image !== '${BASE}' && !stages.has(image) && !/@sha256:[0-9a-f]{64}$/.test(image)) {
        faults.push(`${image} is not pinned by its digest`)
      }
      if (alias !== undefined) stages.add(alias)
      user = 'root'
    } else if (word === 'ARG' && value.startsWith('BASE=')) faults.push('BASE has a default')
    else if (word === 'ADD') faults.push('ADD fetches and unpacks: use COPY')
    else if (word === 'USER') user = value
    else if (word === 'RUN') faults.push(...runFaults(value))
    else if (word === 'ENV' && /(key|secret|token|password)\S*=\S/i.test(value)) faults.push('a secret in the image')
    else if (word === 'COPY' && !rest.some((part) => part.startsWith('--from='))) {
      const sources = rest.filter((part) => !part.startsWith('--')).slice(0, -1)
      faults.push(...sources.filter((source) => source !== '.' && !exists(source)).map((one) => `there is no ${one}`))
    }
  }
  if (!/^[1-9]\d*(:\d+)?$/.test(user)) faults.push(`the image runs as ${user}`)
  return faults
}

function runFaults(command: string): string[] {
  const faults: string[] = []
  if (/\b(curl|wget)\b/.test(command)) faults.push('fetches without a hash')
  if (/\bnpm (install|i)\b/.test(command)) faults.push('npm install does not keep to the lock file')
  if (/apt-get install/.test(command) && !command.includes('--no-install-recommends'))
    faults.push('installs recommends')
  if (/apt-get update/.test(command) && !command.includes('rm -rf /var/lib/apt/lists')) faults.push('leaves apt lists')
  return faults
}

interface ComposeService {
  readonly image?: string
  readonly user?: string
  readonly read_only?: boolean
  readonly privileged?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly network_mode?: string
  readonly volumes?: readonly string[]
  readonly command?: readonly string[]
}

/** @param text of a Compose file. Services without `command` are others' programs. */
export function findComposeFaults(text: string, exists: Exists): string[] {
  const { services = {} } = parse(text, { merge: true }) as { services?: Readonly<Record<string, ComposeService>> }
  return Object.entries(services).flatMap(([name, service]) => {
    const { image = '', user, command, cap_drop = [], security_opt = [], volumes = [] } = service
    const faults: string[] = []
    if (!/^\$\{\w+:\?/.test(image) && !/@sha256:[0-9a-f]{64}$/.test(image)) faults.push('image without a digest')
    if (!cap_drop.includes('ALL')) faults.push('keeps capabilities')
    if (!security_opt.includes('no-new-privileges:true')) faults.push('may gain privileges')
    if (service.privileged === true || service.network_mode === 'host') faults.push('is not contained')
    if (volumes.some((one) => one.includes('docker.sock') || one.startsWith('/:'))) faults.push('has the machine')
    if (command !== undefined) {
      if (service.read_only !== true) faults.push('can write its own program')
      if (user === undefined || /^(root|0)\b/.test(user)) faults.push('runs as root')
      if (!exists(command[0] ?? '')) faults.push(`there is no ${command[0] ?? 'program'}`)
    }
    return faults.map((fault) => `${name}: ${fault}`)
  })
}

/** @param text of a workflow of CI: everything that it uses is pinned by the commit. */
export function findWorkflowFaults(text: string): string[] {
  const used = [...text.matchAll(/^\s*-?\s*uses:\s*['"]?([^'"\s#]+)/gm)].map(([, action = '']) => action)
  return used
    .filter((action) => !action.startsWith('./') && !PINNED_ACTION.test(action))
    .map((action) => `${action} is not pinned by its commit`)
}
