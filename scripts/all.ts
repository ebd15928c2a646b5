/**
 * all: every pattern at once in one k6 process, each a scenario with figures of its own; S3LOADTEST_TESTS picks some. Breaks
 * what only breaks together: reads behind bulk deletes, small requests behind large ones.
 *
 * VUs and rate are divided among the patterns equally; elephant has connections of its own where nobody says how many of all
 * there are to be. What delete takes away is gone for the others: counted apart.
 */
import { script } from '../lib/k6/script';
import { baseload } from './baseload';
import { checkpoint } from './checkpoint';
import { deletion } from './delete';
import { elephant } from './elephant';
import { firehose } from './firehose';
import { heavyread } from './heavyread';
import { listops } from './listops';
import { metastorm } from './metastorm';
import { spiky } from './spiky';

const k6 = script([firehose, metastorm, elephant, baseload, checkpoint, heavyread, spiky, deletion, listops]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
