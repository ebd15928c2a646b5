/** What a k6 process used, as a Result has it. Pure. */
import type { Generator, Worker } from '../../lib/result/result';
import type { Usage } from '../process/usage';

/** What k6 reports of itself, replaced by what whoever started it has measured, where that is something. */
export function generatorOf(of: Generator, usage: Usage): Generator {
  const { cpuSeconds, waitSeconds, seconds, peakBytes, cores, machine, links, timeline } = usage;
  return {
    ...of,
    cpu:
      cpuSeconds === null
        ? of.cpu
        : {
            seconds: cpuSeconds,
            cores: seconds > 0 ? cpuSeconds / seconds : 0,
            ...(waitSeconds === null ? {} : { waitSeconds }),
          },
    memory: peakBytes === null ? of.memory : { peakBytes },
    cores,
    ...(machine === undefined ? {} : { machine }),
    ...(links.length === 0 ? {} : { links }),
    ...(timeline.length === 0 ? {} : { timeline }),
  };
}

/** A worker's part in what several did together. */
export function workerFigures({
  vus,
  cpu,
  memory,
  cores,
}: Generator): Pick<Worker, 'vus' | 'cpu' | 'memory' | 'cores'> {
  return { vus, cpu, memory, cores };
}
