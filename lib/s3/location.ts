/** The document that CREATE_BUCKET sends. */
import { XMLNS } from './xml';

/** us-east-1 is the one region that must not be named: there is no document then. */
export function locationOf(region: string): string {
  if (region === 'us-east-1') return '';
  const place = `<LocationConstraint>${region}</LocationConstraint>`;
  return `<CreateBucketConfiguration xmlns="${XMLNS}">${place}</CreateBucketConfiguration>`;
}
