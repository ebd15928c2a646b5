/** An engine whose rows have what the settings demand. */
import { type Demands, demanded } from './demands';
import type { Engine } from './engine';

export function demanding(engine: Engine, demands: Demands): Engine {
  const { compile, compileSync, compileAsync, composed, atInterrupt } = engine;
  return {
    compile: (command) => compile(demanded(command, demands)),
    compileSync: (command) => compileSync(demanded(command, demands)),
    compileAsync: (command) => compileAsync(demanded(command, demands)),
    ...(atInterrupt && { atInterrupt: (command) => atInterrupt(demanded(command, demands)) }),
    checksum: demands.checksum,
    composed,
  };
}
