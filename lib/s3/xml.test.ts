import { describe, expect, test } from 'vitest';
import { elementsOf, escapeXml, textOf, unescapeXml } from './xml';

const XMLNS = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A listing as AWS writes one, pretty-printed as some others do. */
const LISTING = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="${XMLNS}">
  <Name>bucket</Name><Prefix/><Delimiter>/</Delimiter><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>
  <IsTruncated>true</IsTruncated><NextContinuationToken>1/a+b==</NextContinuationToken>
  <Contents><Key>a&amp;b&lt;c</Key><Size>1024</Size><ETag>&quot;d41d8&quot;</ETag></Contents>
  <Contents><Key> spaces stay </Key><Size>0</Size></Contents>
  <CommonPrefixes><Prefix>loadtest/</Prefix></CommonPrefixes>
</ListBucketResult>`;

test.each([
  { name: 'Name', value: 'bucket', why: 'the text between the tags' },
  { name: 'Key', value: 'a&b<c', why: 'the first of several, unescaped; KeyCount, which begins alike, is another' },
  { name: 'ETag', value: '"d41d8"', why: 'quotes are part of an ETag' },
  { name: 'Prefix', value: '', why: 'an empty element is empty, and swallows nothing that follows' },
  { name: 'Marker', value: undefined, why: 'what is not there' },
  { name: 'MaxKey', value: undefined, why: 'nor is the beginning of a name' },
  { name: 'Contents', value: undefined, why: 'it has elements, not text' },
])('text of $name: $why', ({ name, value }) => {
  expect(textOf(LISTING, name)).toBe(value);
});

test.each([
  { xml: '', value: undefined, why: 'no body, as HEAD and 204 have none' },
  { xml: '<a></a>', value: '', why: 'empty' },
  { xml: '<a/>', value: '', why: 'empty, short' },
  { xml: '<a />', value: '', why: 'empty, short, with a space' },
  { xml: '<a x="1"/>', value: '', why: 'empty, short, with an attribute' },
  { xml: '<a x="1">v</a>', value: 'v', why: 'an attribute' },
  { xml: `<a\n  xmlns="${XMLNS}">v</a>`, value: 'v', why: 'an attribute on the next line' },
  { xml: '<a>one\ntwo</a>', value: 'one\ntwo', why: 'text over several lines' },
  { xml: '<a>', value: undefined, why: 'cut off: RequestTimeout answers may be' },
  { xml: '<html><body>503</body></html>', value: undefined, why: "a proxy's page" },
  { xml: '{"a":1}', value: undefined, why: 'no XML at all' },
  { xml: '<ab>1</ab><a>2</a>', value: '2', why: 'a longer name that begins alike comes first' },
  { xml: '<ab/><a-b>1</a-b><a.b/><a_b/><a2/><a>2</a>', value: '2', why: 'whatever it goes on with' },
  { xml: '<ab>1</ab><ab>2</ab>', value: undefined, why: 'nothing but longer names' },
  { xml: '<ab><a>1</a></ab>', value: '1', why: 'one within a longer name' },
  { xml: '<a/><a>2</a>', value: '', why: 'the first is empty, the second is another' },
  { xml: '<a x="1"/><a>2</a>', value: '', why: 'even with an attribute' },
  { xml: '<a x="1">1</a><a>2</a>', value: '1', why: 'the first, though the second is written plainly' },
  { xml: '<a><b>1</b></a><a>2</a>', value: '2', why: 'the first that has text' },
  { xml: '<a>1<a>2</a>', value: '2', why: 'one that is not closed is none' },
  { xml: '<a', value: undefined, why: 'cut off within the tag' },
  { xml: '<a>1</a', value: undefined, why: 'or within the closing one' },
  { xml: '<a>x &amp; y</a>', value: 'x & y', why: 'unescaped' },
  { xml: '<a x="1">x &amp; y</a>', value: 'x & y', why: 'likewise with an attribute' },
])('text of <a> in $xml: $why', ({ xml, value }) => {
  expect(textOf(xml, 'a')).toBe(value);
});

describe('elementsOf', () => {
  test('the inside of each, in order', () => {
    expect(elementsOf(LISTING, 'Contents')).toEqual([
      '<Key>a&amp;b&lt;c</Key><Size>1024</Size><ETag>&quot;d41d8&quot;</ETag>',
      '<Key> spaces stay </Key><Size>0</Size>',
    ]);
    expect(elementsOf(LISTING, 'CommonPrefixes').map((entry) => textOf(entry, 'Prefix'))).toEqual(['loadtest/']);
  });

  test.each([
    { xml: '', found: [], why: 'no body' },
    { xml: '<r></r>', found: [], why: 'none' },
    { xml: '<a>1</a><ab>2</ab><a>3</a>', found: ['1', '3'], why: 'a longer name is another' },
    { xml: '<ab>2</ab><a>3</a>', found: ['3'], why: 'even where it comes first' },
    { xml: `<a xmlns="${XMLNS}">1</a><a\nx="y">2</a>`, found: ['1', '2'], why: 'attributes do not matter' },
    { xml: '<a/><a />\n<a x="1"/><a>4</a>', found: ['', '', '', '4'], why: 'short empty ones swallow nothing' },
    { xml: '<a>1</a><a>2', found: ['1'], why: 'the answer was cut off within the second' },
    { xml: '<a>1</a><a', found: ['1'], why: 'or within its tag' },
  ])('<a> in $xml: $why', ({ xml, found }) => {
    expect(elementsOf(xml, 'a')).toEqual(found);
  });

  test('a page of 1,000 keys is read in order and whole', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => `loadtest/w0/1KB/t/${i}/<&>`);
    const page = keys.map((key) => `<Contents><Key>${escapeXml(key)}</Key></Contents>`).join('');
    expect(elementsOf(`<r>${page}</r>`, 'Contents').map((entry) => textOf(entry, 'Key'))).toEqual(keys);
  });
});

test.each([
  { xml: 'plain', text: 'plain', why: 'nothing to do' },
  { xml: '&amp;&lt;&gt;&quot;&apos;', text: '&<>"\'', why: 'the five entities of XML' },
  { xml: '&amp;lt;', text: '&lt;', why: 'once, not again' },
  { xml: '&#13;&#xD;&#xd;', text: '\r\r\r', why: 'references, decimal and hex of either case' },
  { xml: '&#128512;&#x1F600;', text: '😀😀', why: 'beyond 16 bits' },
  { xml: '&#xD83D;&#xDE00;', text: '😀', why: 'halves written one by one, as some Java servers do, join' },
  { xml: '&nbsp; & &; &#;', text: '&nbsp; & &; &#;', why: 'what is no entity of XML stays' },
  { xml: '&constructor;&toString;', text: '&constructor;&toString;', why: 'not even one that every object has' },
  {
    xml: '&#x110000;&#1114112;',
    text: '&#x110000;&#1114112;',
    why: 'no such character: kept, where an error would end the listing',
  },
  { xml: '&#99999999999999999999;', text: '&#99999999999999999999;', why: 'nor this' },
])('unescape $xml: $why', ({ xml, text }) => {
  expect(unescapeXml(xml)).toBe(text);
});

test.each([
  { text: 'a/b-1_2.~ ü😀', xml: 'a/b-1_2.~ ü😀', why: 'most text stands as it is' },
  { text: '&', xml: '&#38;', why: 'begins an entity' },
  { text: '<>', xml: '&#60;&#62;', why: 'begin and end a tag' },
  { text: '"\'', xml: '&#34;&#39;', why: 'end an attribute' },
  { text: '\r\n\t', xml: '&#13;&#10;&#9;', why: 'a parser would make them \\n or a space: another key is deleted' },
  {
    text: '\x00\x01\x1f',
    xml: '&#0;&#1;&#31;',
    why: 'never raw; as references XML 1.1 takes all but the first, and no XML takes more',
  },
])('escape $text: $why', ({ text, xml }) => {
  expect(escapeXml(text)).toBe(xml);
});

test('what is escaped comes back, every character of it', () => {
  const all = Array.from({ length: 0x3000 }, (_, i) => String.fromCharCode(i)).join('');
  expect(textOf(`<a>${escapeXml(all)}</a>`, 'a')).toBe(all);
});
