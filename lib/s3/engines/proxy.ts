/** The proxy engine: requests as they are, for a proxy such as s3pool that signs them and passes them on. */
import { unsigned } from '../sign';
import { createEngine } from './k6';
import { connectOnK6 } from './source';

export const connectProxy = connectOnK6((options, recorder) => createEngine(options, recorder, () => unsigned));
