import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeTextAttachment } from './attachment.ts'
import { foldSpace, plainTextOf } from './narrative.ts'

describe('plainTextOf', () => {
  for (const [xhtml, text] of [
    ['<div xmlns="http://www.w3.org/1999/xhtml"><p>Hello  <b>Bob</b>!</p></div>', 'Hello Bob!'],
    ['<td>one</td><td>two</td>', 'one two'],
    ['a<br/>b', 'a b'],
    ['H<sub>2</sub>O', 'H2O'],
    ['<B>a</B>b<SPAN class="x">c</SPAN>', 'abc'],
    ['x &lt; y &amp;&amp; y &gt; z', 'x < y && y > z'],
    ['&amp;lt;', '&lt;'],
    ['&#233;&#xe9;&#x1F600;', 'éé😀'],
    ['a&nbsp;&nbsp;b&#160;&#10;c', 'a b c'],
    ['&unknown; &; & &#; &#x; &#99999999;', '&unknown; &; & &#; &#x; &#99999999;'],
    ['&#0;&#xD800;&#x110000;', '\ufffd\ufffd\ufffd'],
    ['a<!-- <b>hidden</b> -->b', 'ab'],
    ['<![CDATA[kept]]>', 'kept]]>'],
    ['<script>alert(1)</script>a<style>p{}</style>b', 'a b'],
    ['<a title="a > b" name=\'c > d\'>link</a>', 'link'],
    ['a <b', 'a'],
    ['a < b', 'a'],
    ['<b>a', 'a'],
    ['a<b<i>c</i>', 'ac'],
    ['a<b<p>c', 'a c'],
    ['a\u00a0\u2003\n\tb', 'a b'],
    ['  ', ''],
    ['', ''],
  ] as const) {
    it(`${JSON.stringify(xhtml)} reads ${JSON.stringify(text)}`, () => {
      assert.equal(plainTextOf(xhtml, 1000), text)
    })
  }

  it('keeps the limit and cuts no surrogate pair', () => {
    assert.equal(plainTextOf('<p>abcdef</p>', 3), 'abc')
    assert.equal(plainTextOf('ab😀', 3), 'ab')
    assert.equal(plainTextOf('&#x1F600;&#x1F600;', 3), '😀')
  })

  it('is total; text without mark-up comes back folded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 0, max: 100 }), (text, limit) => {
        assert.ok(plainTextOf(text, limit).length <= limit)
        const plain = text.replaceAll(/[<&]/g, '')
        assert.equal(plainTextOf(plain, 1000), foldSpace(plain))
      }),
    )
  })

  it('what XML escapes, it reads back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
        assert.equal(plainTextOf(`<div>${escaped}</div>`, 1000), foldSpace(text))
      }),
    )
  })
})

describe('decodeTextAttachment', () => {
  const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

  it('reads UTF-8 of every length, padded or broken over lines', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const data = encode(text)
        assert.equal(decodeTextAttachment('text/plain', data, 10_000), text)
        assert.equal(
          decodeTextAttachment('text/plain; charset=utf-8', data.replaceAll(/.{7}/g, '$&\r\n'), 10_000),
          text,
        )
        assert.equal(decodeTextAttachment('TEXT/HTML;charset="UTF-8"', data.replaceAll('=', ''), 10_000), text)
      }),
    )
  })

  it('decodes only so many characters', () => {
    assert.equal(decodeTextAttachment('text/plain', encode('abcdef'), 3), 'abc')
    assert.equal(decodeTextAttachment('text/plain', encode('ab😀'), 3), 'ab')
    assert.equal(decodeTextAttachment('text/plain', encode('é'.repeat(10_000)), 5000), 'é'.repeat(5000))
  })

  for (const type of ['application/pdf', 'text/plain; charset=utf-16', 'text/rtf', 'text/plainx', '']) {
    it(`takes no ${JSON.stringify(type)}`, () => {
      assert.equal(decodeTextAttachment(type, encode('a'), 10), undefined)
    })
  }

  it('takes nothing that is not base64 or not UTF-8', () => {
    assert.equal(decodeTextAttachment('text/plain', 'a*b', 10), undefined)
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xc3, 0x28], [0x80]]) {
      assert.equal(decodeTextAttachment('text/plain', Buffer.from(bytes).toString('base64'), 10), undefined)
    }
  })
})
