/** One thread of the suite: its own oracle process and its own guest. */
import { parentPort, workerData } from 'node:worker_threads';

import { CaseGenerator } from './generator/generateCase.ts';
import type { WorkerRequest, WorkerSetup } from './main.ts';
import { NativeOracle, buildOracle } from './nativeOracle.ts';
import { runRange } from './runRange.ts';
import { SuiteGuest, buildKernel } from './suiteGuest.ts';
import { translatingEngine, wasmEngine } from './wasmEngine.ts';

const setup = workerData as WorkerSetup;
const generator = new CaseGenerator(setup.seed, setup.only ? new RegExp(setup.only) : undefined);
const oracle = new NativeOracle(buildOracle());
const guest = setup.translate
  ? new SuiteGuest(translatingEngine, buildKernel(), true)
  : new SuiteGuest(wasmEngine, buildKernel());

parentPort?.on('message', async (request: WorkerRequest | undefined) => {
  if (request === undefined) {
    oracle.close();
    parentPort?.close();
    return;
  }
  const result = await runRange(generator, oracle, guest, request.first, request.count);
  parentPort?.postMessage(result);
});
