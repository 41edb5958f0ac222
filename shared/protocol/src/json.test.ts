import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type JsonValue, parseJson, stringifySorted } from './json.ts'

const MALFORMED = { name: 'ProtocolError', code: 'MESSAGE_MALFORMED' }
const parse = (text: string): unknown => parseJson(text, { maxBytes: 10_000 })

function refuses(...texts: readonly string[]): void {
  for (const text of texts) assert.throws(() => parse(text), MALFORMED)
}

test('what JSON.parse takes and messages use is read alike', () => {
  for (const text of [
    '{"a":[1,2,{"b":null}],"c":true,"d":false,"e":""}',
    ' { "a" : 1 , "b" : [ ] , "c" : { } }\r\n\t',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00 é 水 😀"',
    '0',
    '9007199254740991',
    '[[],[]]',
    'null',
  ]) {
    assert.deepEqual(parse(text), JSON.parse(text))
  }
})

test('a member twice is refused, however it is written', () => {
  refuses('{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"x":{"a":1,"b":2,"a":3}}]')
})

test('a member __proto__ is refused', () => {
  refuses('{"__proto__":1}', '{"\\u005f_proto__":1}')
  assert.deepEqual(Object.keys(parse('{"constructor":1,"toString":2}') as object), ['constructor', 'toString'])
})

test('numbers that are not unsigned integers in their one form are refused', () => {
  refuses('-1', '-0', '01', '1.0', '1.5', '1e2', '1E2', '+1', '.5', '9007199254740992', `1${'0'.repeat(30)}`, 'NaN')
  refuses('0x10', 'Infinity', '1_000')
})

test('text that is no JSON is refused', () => {
  refuses(
    '',
    ' ',
    '{',
    '[',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{"a" 1}',
    '{"a";1}',
    '{a:1}',
    "{'a':1}",
    '"a',
  )
  refuses(
    'tru',
    'nul',
    'TRUE',
    '1 2',
    '{} {}',
    '"\\x41"',
    '"\\u12g4"',
    '"\\u12',
    '"\n"',
    '"\u0000"',
    '\u00a01',
    '\ufeff1',
  )
  refuses('// a\n1', '[1]]', ']', '}', ',', ':')
})

test('unpaired surrogates are refused, escaped or not', () => {
  refuses('"\\ud800"', '"\\udc00\\ud800"', '"\ud800"', '{"\\udfff":1}', '"\\ud800x"')
})

test('an escaped half next to a half in the text is refused', () => {
  refuses('"\\ud83d\ude00"')
})

test('nesting and length have limits', () => {
  assert.deepEqual(parse(`${'['.repeat(16)}${']'.repeat(16)}`), JSON.parse(`${'['.repeat(16)}${']'.repeat(16)}`))
  refuses(`${'['.repeat(17)}${']'.repeat(17)}`, '{"a":'.repeat(17) + '1' + '}'.repeat(17))
  assert.throws(() => parseJson('[1]', { maxBytes: 2 }), MALFORMED)
  assert.deepEqual(parseJson('[1]', { maxBytes: 3 }), [1])
  assert.throws(() => parseJson('"é"', { maxBytes: 3 }), MALFORMED)
  assert.equal(parseJson('"é"', { maxBytes: 4 }), 'é')
  assert.equal(parseJson('"😀"', { maxBytes: 6 }), '😀')
  assert.throws(() => parseJson('"😀"', { maxBytes: 5 }), MALFORMED)
})

test('the limit counts bytes of UTF-8', () => {
  for (const unit of ['a', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\u{10000}', '\u{10ffff}']) {
    const text = `"${unit}${unit}"`
    const maxBytes = Buffer.byteLength(text)
    assert.equal(parseJson(text, { maxBytes }), unit + unit)
    assert.throws(() => parseJson(text, { maxBytes: maxBytes - 1 }), MALFORMED)
  }
})

test('a refusal tells the position', () => {
  assert.throws(() => parse('{"a":1,"a":2}'), { code: 'MESSAGE_MALFORMED', at: 7 })
})

test('sorted JSON has one text per value', () => {
  assert.equal(
    stringifySorted({ b: 1, a: [{ d: 'x', c: null }], '10': true, '9': '"\n' }),
    '{"10":true,"9":"\\"\\n","a":[{"c":null,"d":"x"}],"b":1}',
  )
})

test('zero is a number like any other', () => assert.equal(stringifySorted([0]), '[0]'))

test('what sorted JSON cannot hold is a mistake of the caller', () => {
  assert.throws(() => stringifySorted(JSON.parse('{"__proto__":1}') as JsonValue), TypeError)
  for (const value of [
    undefined,
    { a: undefined },
    [undefined],
    -1,
    -0,
    1.5,
    2 ** 53,
    '\ud800',
    new Date(0),
    new Map(),
    () => 1,
  ]) {
    assert.throws(() => stringifySorted(value as unknown as JsonValue), TypeError)
  }
  // oxlint-disable-next-line no-sparse-arrays
  assert.throws(() => stringifySorted([, 1] as JsonValue), TypeError)
})

const name = fc.string({ unit: 'binary', maxLength: 8 }).filter((value) => value !== '__proto__')
const { tree } = fc.letrec<{ tree: JsonValue }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    fc.maxSafeNat(),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.dictionary(name, tie('tree'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

test('parsing inverts writing, ours and JSON.stringify', () => {
  fc.assert(
    fc.property(tree, (value) => {
      assert.deepEqual(parse(stringifySorted(value)), value)
      assert.deepEqual(parse(JSON.stringify(value, null, 2)), value)
      assert.equal(stringifySorted(parse(JSON.stringify(value)) as JsonValue), stringifySorted(value))
    }),
  )
})

test('what is read is what JSON.parse reads', () => {
  const nearly = fc.tuple(tree, fc.nat(), fc.string({ unit: 'binary', maxLength: 2 })).map(([value, at, insert]) => {
    const text = JSON.stringify(value)
    return text.slice(0, at % text.length) + insert + text.slice((at + 1) % text.length)
  })
  fc.assert(
    fc.property(nearly, (text) => {
      let value: unknown
      try {
        value = parse(text)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'MESSAGE_MALFORMED')
        return
      }
      assert.deepEqual(value, JSON.parse(text))
    }),
    { numRuns: 1_000 },
  )
})

test('the quick way refuses and gives what the long way does', () => {
  const outcome = (text: string): unknown => {
    try {
      return parse(text)
    } catch (error) {
      return (error as { code?: string }).code
    }
  }
  // White space in front is not canonical: it is read the long way.
  const alike = (text: string): void => assert.deepEqual(outcome(text), outcome(` ${text}`), text)
  for (const text of [
    '{"a":1,"a":1}',
    '{"__proto__":1}',
    '[-1]',
    '[1.5]',
    '1e+21',
    '"\\ud800"',
    '"\ud800"',
    '[9007199254740992]',
    `${'['.repeat(17)}${']'.repeat(17)}`,
    `${'['.repeat(16)}${']'.repeat(16)}`,
    '{"2":1,"1":2}',
    '',
  ]) {
    alike(text)
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => alike(JSON.stringify(value))),
    { numRuns: 1_000 },
  )
})
