/** Where a backend is not what the others are: which cases are not for it, and why. Pure. */
import type { Backend } from '../../lib/settings/config';

export interface Difference {
  /** Of the names of cases. */
  readonly cases: RegExp;
  readonly why: string;
}

/** Cases that a backend is not put through. */
export const notFor: Readonly<Record<Backend, readonly Difference[]>> = {
  native: [],
  http: [],
  jslib: [{ cases: /^virtual host: /, why: 'S3Client has buckets in the path; the settings refuse anything else' }],
  proxy: [
    { cases: /^virtual host: /, why: 'a proxy has one name; the settings refuse anything else' },
    { cases: /^a wrong (?:secret|access key) is auth$/, why: "the credentials are the proxy's" },
    { cases: /^the server has POST,/, why: 'a proxy signs headers, and not what a form has' },
    { cases: /^twenty batches /, why: 'one of them is to have a wrong secret' },
  ],
};

/** Whether a backend is put through the case of that name. */
export function isFor(backend: Backend, name: string): boolean {
  return !notFor[backend].some(({ cases }) => cases.test(name));
}
