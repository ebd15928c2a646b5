/** The engines of k6's VUs, by the names that S3LOADTEST_BACKEND has for them. */
import type { VuConfig } from '../../settings/config';
import type { Connect } from '../engine';
import { connectNative } from './native';

declare function require(module: './http'): typeof import('./http');
declare function require(module: './jslib'): typeof import('./jslib');
declare function require(module: './proxy'): typeof import('./proxy');

/**
 * How a VU connects by a backend, or why it can't, in one line. To be asked in k6's init context; what others are made of is
 * not loaded.
 */
export function connectBy({ backend, jslibUrl }: Pick<VuConfig, 'backend' | 'jslibUrl'>): Connect | string {
  switch (backend) {
    case 'native':
      return connectNative;
    case 'http': {
      const { connectHttp } = require('./http');
      return connectHttp;
    }
    case 'proxy': {
      const { connectProxy } = require('./proxy');
      return connectProxy;
    }
    case 'jslib': {
      const { loadJslib, connectJslib } = require('./jslib');
      return loadJslib(jslibUrl) ?? connectJslib;
    }
  }
}
