import { expect, test } from 'vitest';
import { proxyOf } from './http-proxy';

const both = { HTTP_PROXY: 'http://me:hush@plain:3128', HTTPS_PROXY: 'secure' };

test.each([
  { endpoint: 'http://s3:9000', host: 'plain:3128', why: 'by its scheme' },
  { endpoint: 'https://s3.example', host: 'secure:80', why: 'a proxy without scheme and port' },
  {
    endpoint: 'https://s3',
    more: { HTTPS_PROXY: '', https_proxy: 'http://small:1' },
    host: 'small:1',
    why: 'lower case',
  },
  { endpoint: 'http://localhost:9000', why: 'never to this machine' },
  { endpoint: 'http://127.0.0.9', why: 'nor its addresses' },
  { endpoint: 'http://[::1]:9000', why: 'nor this one' },
  { endpoint: 'http://s3', more: { NO_PROXY: '*' }, why: 'none at all' },
  { endpoint: 'http://a.example', more: { NO_PROXY: 'x, example' }, why: 'a domain has those below it' },
  { endpoint: 'http://example', more: { no_proxy: 'example' }, why: 'and itself' },
  { endpoint: 'http://example', more: { NO_PROXY: '.example' }, host: 'plain:3128', why: 'with a dot not itself' },
  { endpoint: 'http://A.example', more: { NO_PROXY: '*.example' }, why: 'the same with a star' },
  { endpoint: 'http://myexample', more: { NO_PROXY: 'example' }, host: 'plain:3128', why: 'another name' },
  { endpoint: 'http://s3:9000', more: { NO_PROXY: 's3:9000' }, why: 'its port' },
  { endpoint: 'http://s3:9001', more: { NO_PROXY: 's3:9000' }, host: 'plain:3128', why: 'another port' },
  { endpoint: 'https://s3', more: { NO_PROXY: 's3:443' }, why: "the scheme's port" },
  { endpoint: 'http://10.1.2.3', more: { NO_PROXY: '10.0.0.0/8' }, why: 'a range' },
  { endpoint: 'http://11.1.2.3', more: { NO_PROXY: '10.0.0.0/8' }, host: 'plain:3128', why: 'outside it' },
  { endpoint: 'http://[fd00::7]', more: { NO_PROXY: 'fd00::/16' }, why: 'a range of IPv6' },
  { endpoint: 'http://[fd00::7]', more: { NO_PROXY: 'fd00:0::7' }, why: 'an address, written otherwise' },
  { endpoint: 'http://[fd00::7]:9', more: { NO_PROXY: '[fd00::7]:9' }, why: 'with its port' },
])('$endpoint with $more: $host ($why)', ({ endpoint, more, host }) => {
  expect(proxyOf(endpoint, { ...both, ...more })?.host).toBe(host);
});

test('the bucket before the name counts', () => {
  expect(proxyOf('http://s3.example', { ...both, NO_PROXY: 'bucket.s3.example' }, 'bucket')).toBeUndefined();
  expect(proxyOf('http://s3.example', both)).toMatchObject({ name: 'HTTP_PROXY', url: 'http://me:hush@plain:3128' });
});
