import {
  cosineLr,
  cosineRestartsLr,
  dinov2CosineLr,
  exponentialLr,
  linearLr,
  multiStepLr,
  oneCycleLr,
  polynomialLr,
  reduceLrOnPlateau,
  type Schedule,
  sequentialLr,
  stepLr,
} from "@glof/train";
import type { CaseContext, CaseRunner, Got } from "../../case.js";

/** Numbers of a scheduler, in the reference's spelling. */
type Facts = Readonly<Record<string, number>> & { readonly scheduler: string };

const numbers = (facts: unknown): Readonly<Record<string, number>> => facts as Record<string, number>;

/** A schedule given as `{ name: arguments }`, or `{ SequentialLR: [...], milestones }`. */
export function buildSchedule(facts: Record<string, unknown>): Schedule {
  if (facts.SequentialLR) {
    const parts = facts.SequentialLR as Record<string, unknown>[];
    return sequentialLr(parts.map(buildSchedule), facts.milestones as number[]);
  }
  const [name, given] = Object.entries(facts)[0]!;
  return namedSchedule(name, numbers(given));
}

function namedSchedule(name: string, facts: Readonly<Record<string, number>>): Schedule {
  switch (name) {
    case "CosineAnnealingLR":
      return cosineLr({ steps: facts.T_max!, minLr: facts.eta_min, afterwards: "climb" });
    case "CosineAnnealingWarmRestarts":
      return cosineRestartsLr({
        firstCycle: facts.T_0!,
        cycleFactor: facts.T_mult,
        minLr: facts.eta_min,
      });
    case "PolynomialLR":
      return polynomialLr({ steps: facts.total_iters!, power: facts.power });
    case "LinearLR":
      return linearLr({
        startFactor: facts.start_factor,
        endFactor: facts.end_factor,
        steps: facts.total_iters!,
      });
    case "StepLR":
      return stepLr({ every: facts.step_size!, gamma: facts.gamma });
    case "MultiStepLR":
      return multiStepLr({ milestones: facts.milestones as unknown as number[], gamma: facts.gamma });
    case "ExponentialLR":
      return exponentialLr({ gamma: facts.gamma! });
    default:
      throw new Error(`no schedule ${name}`);
  }
}

/** Schedules that a case describes in words and numbers of its own. */
function describedSchedule(facts: Facts): Schedule {
  const { scheduler, warm, total } = facts;
  if (scheduler.startsWith("SequentialLR(LinearLR(")) {
    const startFactor = Number(/start_factor=([\d.e-]+)/.exec(scheduler)![1]);
    const minLr = Number(/eta_min=([\d.e-]+)/.exec(scheduler)![1]);
    const cosine = cosineLr({ steps: total! - warm!, minLr, afterwards: "climb" });
    return sequentialLr([linearLr({ startFactor, steps: warm! }), cosine], [warm!]);
  }
  if (scheduler.startsWith("LambdaLR: (i+1)/warm")) {
    // (i + 1) / warm is a line from 1 / warm that is at 1 in the last warm step.
    const line = linearLr({ startFactor: 1 / warm!, steps: warm! - 1 });
    return sequentialLr([line, cosineLr({ steps: total! - warm! })], [warm!]);
  }
  if (scheduler === "OneCycleLR") {
    return oneCycleLr({
      maxLr: facts.max_lr!,
      steps: facts.total_steps!,
      riseShare: facts.pct_start,
      anneal: facts.anneal_strategy as unknown as "cos" | "linear",
      startDivisor: facts.div_factor,
      endDivisor: facts.final_div_factor,
    });
  }
  if (scheduler.endsWith("CosineScheduler")) {
    return dinov2CosineLr({
      steps: facts.total_iters!,
      minLr: facts.final_value!,
      warmupSteps: facts.warmup_iters,
      warmupStart: facts.start_warmup_value,
      freezeSteps: facts.freeze_iters,
    });
  }
  return namedSchedule(scheduler, facts);
}

/** Learning rates of every step and group, row by row. */
export const scheduler: CaseRunner = (context): Record<string, Got> => {
  const facts = context.golden.options as unknown as Facts;
  if (facts.scheduler === "ReduceLROnPlateau") return { "out.lr": plateauRates(context, facts) };
  const schedule = describedSchedule(facts);
  const base = (facts.base_lr as unknown as number[] | undefined) ?? [facts.base_value!];
  const steps = context.golden.expected["out.lr"]!.shape[0]!;
  const rates = Array.from({ length: steps }, (_, step) => base.map((lr) => schedule(step, lr)));
  return { "out.lr": rates.flat() };
};

function plateauRates(context: CaseContext, facts: Facts): number[] {
  const rule = reduceLrOnPlateau({
    lr: (facts.base_lr as unknown as number[])[0]!,
    mode: facts.mode as unknown as "min" | "max",
    factor: facts.factor,
    patience: facts.patience,
    threshold: facts.threshold,
    thresholdMode: facts.threshold_mode as unknown as "rel" | "abs",
    cooldown: facts.cooldown,
    minLr: facts.min_lr,
  });
  let state = rule.start;
  return Array.from(context.values("in.metric"), (metric) => {
    const { lr } = state;
    state = rule.observe(state, metric);
    return lr;
  });
}
