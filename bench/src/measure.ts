import type { Facts, Reply, SideName, Task } from "./protocol.js";
import type { SideClient } from "./side_process.js";
import { type Summary, summarize } from "./statistics.js";

/** How often to measure. */
export interface Repeats {
  /** Measurements of each side, at most. */
  readonly repeats: number;
  /** A run shorter than this is repeated within one measurement, so that clocks and timers do not show. Milliseconds. */
  readonly leastMs: number;
  /**
   * A side is measured as often as fits into this time, by its first run; where that run alone takes longer, it is the
   * measurement. Milliseconds.
   */
  readonly mostMs: number;
  /**
   * Further runs before the one that tells how long a run is: on a GPU the first one compiles shaders, for seconds, and would pass
   * for a slow run. Default 0.
   */
  readonly warmUps?: number;
}

/** What one side took. */
export interface Measured {
  readonly status: "measured";
  readonly ms: Summary;
  /** Processor time over all threads. */
  readonly cpuMs: Summary;
  readonly firstMs: number;
  readonly peakBytes: number;
  readonly facts: Facts;
}

/** Why one side was not measured. */
export interface Absent {
  readonly status: "absent";
  readonly reason: string;
}

/** Outcome per side. */
export type Outcomes = Partial<Record<SideName, Measured | Absent>>;

interface Running {
  readonly side: SideClient;
  readonly first: Reply;
  readonly inner: number;
  readonly repeats: number;
  readonly replies: Reply[];
}

/**
 * Measures sides on one task, interleaved: a run of each in turn, again and again, so that what else the machine does
 * falls on all alike. A first run of each, not counted, warms caches and compilers up and tells how long a run is (the last
 * one, where there are more of them); only where it is longer than `mostMs` it is the measurement. A run shorter than `leastMs` is
 * repeated for about that time first: compilers get to it late, and the first run would make it look many times as long as it is.
 */
export async function measureTask(
  task: Task,
  sides: readonly SideClient[],
  { repeats, leastMs, mostMs, warmUps = 0 }: Repeats,
): Promise<Outcomes> {
  const outcomes: Outcomes = {};
  const running: Running[] = [];
  for (const side of sides) {
    const prepared = await side.ask({ ask: "prepare", task });
    const first = prepared.problem === undefined ? await side.ask({ ask: "run", inner: 1 }) : prepared;
    if (first.problem !== undefined) {
      outcomes[side.name] = { status: "absent", reason: first.problem };
      continue;
    }
    let usual = first;
    for (let run = 0; run < warmUps && usual.problem === undefined; run++)
      usual = await side.ask({ ask: "run", inner: 1 });
    if (usual.problem !== undefined) {
      outcomes[side.name] = { status: "absent", reason: usual.problem };
      continue;
    }
    const usualMs = usual.ms!;
    const isSlow = usualMs > mostMs;
    const inner = await warmUp(side, usualMs, leastMs);
    const facts = { ...prepared.facts, ...first.facts };
    const replies = isSlow ? [usual] : [];
    const wanted = isSlow ? 0 : Math.min(repeats, Math.floor(mostMs / Math.max(usualMs, 0.01)));
    running.push({ side, first: { ...first, facts }, inner, repeats: wanted, replies });
  }
  const rounds = Math.max(0, ...running.map((one) => one.repeats));
  for (let round = 0; round < rounds; round++) {
    for (const { side, inner, replies, repeats: wanted } of running) {
      if (round >= wanted || replies.at(-1)?.problem !== undefined) continue;
      replies.push(await side.ask({ ask: "run", inner }));
    }
  }
  const measured = new Map(running.map((one) => [one.side.name, outcomeOf(one)]));
  // In the order of the sides.
  return Object.fromEntries(sides.map(({ name }) => [name, outcomes[name] ?? measured.get(name)!]));
}

/** Runs a measurement has, after a warm-up with as many as the first run suggests. */
async function warmUp(side: SideClient, firstMs: number, leastMs: number): Promise<number> {
  const runsOf = (ms: number): number => Math.max(1, Math.ceil(leastMs / Math.max(ms, 0.01)));
  const inner = runsOf(firstMs);
  if (inner === 1) return 1;
  const { ms = firstMs } = await side.ask({ ask: "run", inner });
  return runsOf(ms);
}

function outcomeOf({ first, replies }: Running): Measured | Absent {
  const failed = replies.find(({ problem }) => problem !== undefined);
  if (failed) return { status: "absent", reason: `failed in a repeat: ${failed.problem}` };
  return {
    status: "measured",
    ms: summarize(replies.map(({ ms }) => ms!)),
    cpuMs: summarize(replies.map(({ cpuMs }) => cpuMs ?? Number.NaN)),
    firstMs: first.ms!,
    peakBytes: Math.max(...[first, ...replies].map(({ peakBytes }) => peakBytes ?? 0)),
    facts: { ...first.facts, ...replies.at(-1)?.facts },
  };
}
