/** The proxy backend: requests as they are, for a proxy such as s3pool that signs them and passes them on. */

import { unsigned } from '../sign';
import { createClient } from './client';
import { connectOnK6 } from './clients';

export const connectProxy = connectOnK6((options, recorder) => createClient(options, recorder, () => unsigned).s3);
