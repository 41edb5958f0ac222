import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NdjsonSplitter } from './ndjson.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

function linesOf(chunks: readonly Uint8Array[], maxLineBytes?: number): [number, string][] {
  const splitter = new NdjsonSplitter(maxLineBytes)
  const lines = [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()]
  return lines.map(({ lineNumber, bytes }) => [lineNumber, new TextDecoder().decode(bytes)])
}

describe('NdjsonSplitter', () => {
  it('gives lines with their numbers; empty ones count but are left out', () => {
    assert.deepEqual(linesOf([encode('{"a":1}\n\n \t\r\n{"b":2}\r\n{"c":3}')]), [
      [1, '{"a":1}'],
      [4, '{"b":2}'],
      [5, '{"c":3}'],
    ])
  })

  it('gives nothing for nothing', () => {
    assert.deepEqual(linesOf([]), [])
    assert.deepEqual(linesOf([encode(''), encode('\n')]), [])
  })

  it('does not depend on where the chunks end, not even inside a character', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/\s/g, 'x'))),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.array(fc.nat({ max: 9 })),
        (texts, lineEnd, endsWithLineEnd, cuts) => {
          const bytes = encode(texts.join(lineEnd) + (endsWithLineEnd ? lineEnd : ''))
          const chunks: Uint8Array[] = []
          let at = 0
          for (const cut of cuts) {
            chunks.push(bytes.slice(at, at + cut))
            at = Math.min(bytes.length, at + cut)
          }
          chunks.push(bytes.slice(at))
          const expected = texts.map((text, index) => [index + 1, text]).filter(([, text]) => text !== '')
          assert.deepEqual(linesOf(chunks), expected)
          assert.deepEqual(linesOf([...bytes].map((byte) => Uint8Array.of(byte))), expected)
        },
      ),
    )
  })

  it('keeps nothing of a chunk that the caller fills again', () => {
    const buffer = encode('{"a":')
    const splitter = new NdjsonSplitter()
    assert.deepEqual(splitter.push(buffer), [])
    buffer.fill(0x58)
    const [line] = splitter.push(encode('1}\n'))
    assert.equal(new TextDecoder().decode(line?.bytes), '{"a":1}')
  })

  it('refuses a longer line at once, with its number', () => {
    assert.deepEqual(linesOf([encode('12345\n12345')], 5), [
      [1, '12345'],
      [2, '12345'],
    ])
    assert.throws(() => linesOf([encode('12345\n123456')], 5), { code: 'FHIR_TOO_LARGE', position: 2 })
    assert.throws(() => linesOf([encode('123'), encode('456')], 5), { code: 'FHIR_TOO_LARGE', position: 1 })
  })
})
