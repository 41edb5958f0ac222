/**
 * Stands in for node:util inside the secure world: every property a caller can reach, hidden ones included.
 *
 * @module
 */
export function inspect(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Uint8Array) return value.join(', ')
  const names = [value, Object.getPrototypeOf(value) as object]
    .filter((one) => one !== Object.prototype)
    .flatMap((one) => Reflect.ownKeys(one))
  return names
    .map((name) => `${String(name)}: ${name === 'constructor' ? '' : inspect(Reflect.get(value, name))}`)
    .join('\n')
}
