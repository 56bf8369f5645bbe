import { CALL_SIZE, HEADER_BYTES, INDEX_BITS, POLLS, words } from "./control.js";

/**
 * The program of a worker thread, as text: it must start without a file of its own, in Node as in a browser, whatever
 * bundler the page went through.
 *
 * It takes tasks of the current job until none is left, then waits for the next job. A ticket counts only together with
 * a task count of the same job: a worker that comes late finds two different numbers and leaves the next job's tasks to
 * those that have seen it begin.
 */
export const workerSource = `
const begin = ({ module, memory, control, names, slot }) => {
  const word = new Int32Array(control);
  const calls = new Float64Array(control, ${HEADER_BYTES});
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const perform = (at) => {
    const from = at * ${CALL_SIZE};
    const args = Array.from(calls.subarray(from + 3, from + 3 + calls[from + 1]));
    if (calls[from + 2] === 1) {
      args.push((word[${words.scratchBase}] >>> 0) + slot * (word[${words.scratchStride}] >>> 0));
    }
    kernels[names[calls[from]]](...args);
  };
  const mask = ${(1 << INDEX_BITS) - 1};
  const take = () => {
    const ticket = Atomics.add(word, ${words.ticket}, 1);
    const count = Atomics.load(word, ${words.count});
    if (ticket >> ${INDEX_BITS} !== count >> ${INDEX_BITS}) return -1;
    return (ticket & mask) < (count & mask) ? ticket : -1;
  };
  const work = () => {
    // A worker may run on from one job into the next, whose set-up is another.
    let setUpFor = -1;
    for (let ticket = take(); ticket >= 0; ticket = take()) {
      try {
        const job = ticket >> ${INDEX_BITS};
        if (job !== setUpFor && word[${words.hasSetUp}] === 1) perform(0);
        setUpFor = job;
        perform(1 + (ticket & mask));
      } catch {
        Atomics.store(word, ${words.failed}, 1);
      }
      const last = (Atomics.load(word, ${words.count}) & mask) - 1;
      if (Atomics.add(word, ${words.done}, 1) === last) Atomics.notify(word, ${words.done});
    }
  };
  for (let seen = 0; ; ) {
    for (let i = 0; i < ${POLLS} && Atomics.load(word, ${words.generation}) === seen; i++);
    Atomics.wait(word, ${words.generation}, seen);
    seen = Atomics.load(word, ${words.generation});
    work();
  }
};
if (typeof require === "function") begin(require("node:worker_threads").workerData);
else onmessage = ({ data }) => begin(data);
`;
