import { expect, test } from 'vitest';
import { aliases, basePathOf, endpointLabel, isUnresolved } from './endpoint';

test.each([
  { endpoint: 'http://s3:9000', label: 's3:9000', path: '', unresolved: true },
  { endpoint: 'https://s3.example/s3', label: 's3.example/s3', path: '/s3', unresolved: true },
  { endpoint: 'https://s3.example:9000/s3#10.0.0.1', label: '10.0.0.1:9000/s3', path: '/s3', unresolved: false },
  { endpoint: 'https://s3.example#fd00::1', label: '[fd00::1]', path: '', unresolved: false },
  { endpoint: 'http://[::1]:9000', label: '[::1]:9000', path: '', unresolved: false },
  { endpoint: 'http://10.0.0.1', label: '10.0.0.1', path: '', unresolved: false },
])('$endpoint is $label', ({ endpoint, label, path, unresolved }) => {
  expect(endpointLabel(endpoint)).toBe(label);
  expect(basePathOf(endpoint)).toBe(path);
  expect(isUnresolved(endpoint)).toBe(unresolved);
});

test("addresses of a name are told apart by k6's client, whatever else is asked with them", () => {
  const all = ['https://s3#10.0.0.1', 'https://s3#10.0.0.2', 'https://s3#fd00::1'];
  const hosts = aliases(all, 'bucket');
  expect(Object.values(hosts)).toEqual(['10.0.0.1:443', '10.0.0.2:443', '[fd00::1]:443']);
  for (const name of Object.keys(hosts)) expect(name).toMatch(/^bucket\.s3:\d{1,5}$/);
  expect(hosts).toMatchObject(aliases(all.slice(2), 'bucket'));
});
