/**
 * The chaincode package of an organisation: not code, but where its chaincode process is and how its peer proves itself
 * to it (chaincode as a service, mutual TLS). Each organisation has its own, and so its own package id.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

export interface ChaincodeConnection {
  /** `host:port` of the chaincode process, as the peer reaches it. */
  readonly address: string
  /** PEM: root of the process's certificate; certificate and key with which the peer comes. */
  readonly rootPem: string
  readonly clientCertificatePem: string
  readonly clientKeyPem: string
}

export interface ChaincodePackage {
  /** The gzipped tar that a peer installs. */
  readonly contents: Uint8Array
  /** `label:SHA-256`, as the peer will call it. */
  readonly id: string
}

/** The same connection gives the same bytes, so a second installation changes nothing. */
export function packageChaincode(label: string, connection: ChaincodeConnection): ChaincodePackage {
  const file = {
    address: connection.address,
    dial_timeout: '10s',
    tls_required: true,
    client_auth_required: true,
    root_cert: connection.rootPem,
    client_cert: connection.clientCertificatePem,
    client_key: connection.clientKeyPem,
  }
  const code = gzipTar([['connection.json', json(file)]])
  const contents = gzipTar([
    ['metadata.json', json({ type: 'ccaas', label })],
    ['code.tar.gz', code],
  ])
  return { contents, id: `${label}:${createHash('sha256').update(contents).digest('hex')}` }
}

/**
 * Scripts that tell a peer what to do with such a package. Fabric's own image has the same as `ccaas_builder`; the
 * release archives have it, too, but not in a place that is the same everywhere.
 */
export const BUILDER_SCRIPTS: Readonly<Record<'detect' | 'build' | 'release', string>> = {
  detect: `#!/bin/sh
# detect SOURCE METADATA: whether the package is chaincode as a service.
grep -Eq '"type" *: *"ccaas"' "$2/metadata.json"
`,
  build: `#!/bin/sh
# build SOURCE METADATA OUTPUT: nothing to compile.
set -e
cp "$1/connection.json" "$3/connection.json"
`,
  release: `#!/bin/sh
# release OUTPUT RELEASE: tells the peer where the process is.
set -e
mkdir -p "$2/chaincode/server"
cp "$1/connection.json" "$2/chaincode/server/connection.json"
`,
}

function json(value: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}

const BLOCK = 512

/** POSIX.1-1988 ustar, without times and owners. */
function gzipTar(files: readonly (readonly [name: string, contents: Uint8Array])[]): Uint8Array {
  const parts = files.flatMap(([name, contents]) => [
    header(name, contents.length),
    contents,
    new Uint8Array((BLOCK - (contents.length % BLOCK)) % BLOCK),
  ])
  return gzipSync(Buffer.concat([...parts, new Uint8Array(2 * BLOCK)]))
}

function header(name: string, size: number): Uint8Array {
  const bytes = Buffer.alloc(BLOCK)
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
  bytes.write(name, 0)
  bytes.write(`${octal(0o600, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(size, 11)}\0${octal(0, 11)}\0`, 100)
  bytes.write('        0', 148)
  bytes.write('ustar\x0000', 257)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${octal(sum, 6)}\0 `, 148)
  return bytes
}
