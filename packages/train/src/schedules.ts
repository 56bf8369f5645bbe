/**
 * Learning rate of a step: a pure function of the step's number (from 0) and of the learning rate that a group of
 * parameters starts from. Resuming needs no memory of it.
 */
export type Schedule = (step: number, lr: number) => number;

/** The same learning rate throughout. */
export const constantLr = (): Schedule => (_, lr) => lr;

/** From `startFactor * lr` to `endFactor * lr` along a line over `steps`, then level. (`LinearLR`.) */
export function linearLr(options: {
  /** Default 1/3. */
  readonly startFactor?: number;
  /** Default 1. */
  readonly endFactor?: number;
  readonly steps: number;
}): Schedule {
  const { startFactor = 1 / 3, endFactor = 1, steps } = options;
  return (step, lr) => lr * (startFactor + (endFactor - startFactor) * Math.min(1, step / steps));
}

/**
 * Half a cosine from `lr` down to `minLr` over `steps` (Loshchilov and Hutter 2017, "SGDR").
 *
 * @param options.afterwards past `steps`: stay at `minLr` (`"stay"`, default) or climb again, periodic, as PyTorch's
 *   `CosineAnnealingLR` does (`"climb"`)
 */
export function cosineLr(options: {
  readonly steps: number;
  /** Default 0. */
  readonly minLr?: number;
  readonly afterwards?: "stay" | "climb";
}): Schedule {
  const { steps, minLr = 0, afterwards = "stay" } = options;
  return (step, lr) => {
    const at = afterwards === "stay" ? Math.min(step, steps) : step;
    return minLr + ((lr - minLr) * (1 + Math.cos((Math.PI * at) / steps))) / 2;
  };
}

/** Cosines that start again at `lr`, each `cycleFactor` times as long as the last. (`CosineAnnealingWarmRestarts`.) */
export function cosineRestartsLr(options: {
  readonly firstCycle: number;
  /** Default 1. */
  readonly cycleFactor?: number;
  /** Default 0. */
  readonly minLr?: number;
}): Schedule {
  const { firstCycle, cycleFactor = 1, minLr = 0 } = options;
  return (step, lr) => {
    let [begin, length] = [0, firstCycle];
    while (step >= begin + length) [begin, length] = [begin + length, length * cycleFactor];
    return minLr + ((lr - minLr) * (1 + Math.cos((Math.PI * (step - begin)) / length))) / 2;
  };
}

/** `lr * (1 - step / steps) ^ power`, 0 afterwards. (`PolynomialLR`.) */
export function polynomialLr(options: {
  readonly steps: number;
  /** Default 1. */
  readonly power?: number;
}): Schedule {
  const { steps, power = 1 } = options;
  return (step, lr) => lr * (1 - Math.min(step, steps) / steps) ** power;
}

/** Times `gamma` every `every` steps. (`StepLR`.) */
export function stepLr(options: {
  readonly every: number;
  /** Default 0.1. */
  readonly gamma?: number;
}): Schedule {
  const { every, gamma = 0.1 } = options;
  return (step, lr) => lr * gamma ** Math.floor(step / every);
}

/** Times `gamma` at each milestone; one named twice counts twice. (`MultiStepLR`.) */
export function multiStepLr(options: {
  readonly milestones: readonly number[];
  /** Default 0.1. */
  readonly gamma?: number;
}): Schedule {
  const { milestones, gamma = 0.1 } = options;
  return (step, lr) => lr * gamma ** milestones.filter((milestone) => milestone <= step).length;
}

/** Times `gamma` in every step. (`ExponentialLR`.) */
export const exponentialLr =
  (options: { readonly gamma: number }): Schedule =>
  (step, lr) =>
    lr * options.gamma ** step;

/** One schedule after another, each counting its own steps from 0. (`SequentialLR`.) */
export function sequentialLr(schedules: readonly Schedule[], milestones: readonly number[]): Schedule {
  return (step, lr) => {
    const index = milestones.filter((milestone) => milestone <= step).length;
    return schedules[index]!(step - (milestones[index - 1] ?? 0), lr);
  };
}

/**
 * Warm-up along a line from `startFactor * lr`, then a cosine down to `minLr` at `steps`: the usual schedule of vision
 * transformers.
 */
export function warmupCosineLr(options: {
  readonly warmupSteps: number;
  /** All steps, warm-up included. */
  readonly steps: number;
  /** Default 0. */
  readonly minLr?: number;
  /** Default 0.01. */
  readonly startFactor?: number;
}): Schedule {
  const { warmupSteps, steps, minLr = 0, startFactor = 0.01 } = options;
  const cosine = cosineLr({ steps: Math.max(1, steps - warmupSteps), minLr });
  if (warmupSteps === 0) return cosine;
  return sequentialLr([linearLr({ startFactor, steps: warmupSteps }), cosine], [warmupSteps]);
}

/**
 * Up to `maxLr` and down again (Smith and Topin 2018, "Super-convergence"). It sets the learning rate of every group to
 * the same. (`OneCycleLR` with two phases.)
 */
export function oneCycleLr(options: {
  readonly maxLr: number;
  readonly steps: number;
  /** Share of the steps that goes up. Default 0.3. */
  readonly riseShare?: number;
  readonly anneal?: "cos" | "linear";
  /** `maxLr` divided by the first learning rate. Default 25. */
  readonly startDivisor?: number;
  /** The first learning rate divided by the last. Default 1e4. */
  readonly endDivisor?: number;
}): Schedule {
  const { maxLr, steps, riseShare = 0.3, anneal = "cos", startDivisor = 25, endDivisor = 1e4 } = options;
  const between = (from: number, to: number, share: number): number =>
    anneal === "cos" ? to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share)) : from + (to - from) * share;
  const first = maxLr / startDivisor;
  const top = riseShare * steps - 1;
  return (step) =>
    step <= top
      ? between(first, maxLr, step / top)
      : between(maxLr, first / endDivisor, Math.min(1, (step - top) / (steps - 1 - top)));
}

/**
 * The schedule of DINOv2's own training: `freezeSteps` zeros, a warm-up that reaches `lr` in its last step, a cosine to
 * `minLr`, then level (facebookresearch/dinov2, `dinov2/utils/utils.py`, CosineScheduler).
 */
export function dinov2CosineLr(options: {
  readonly steps: number;
  readonly minLr: number;
  /** Default 0. */
  readonly warmupSteps?: number;
  /** Learning rate of the first warm-up step. Default 0. */
  readonly warmupStart?: number;
  /** Default 0. */
  readonly freezeSteps?: number;
}): Schedule {
  const { steps, minLr, warmupSteps = 0, warmupStart = 0, freezeSteps = 0 } = options;
  const cosineSteps = steps - warmupSteps - freezeSteps;
  return (step, lr) => {
    if (step < freezeSteps) return 0;
    if (step >= steps) return minLr;
    const warm = step - freezeSteps;
    if (warm < warmupSteps) return warmupStart + ((lr - warmupStart) * warm) / Math.max(1, warmupSteps - 1);
    return minLr + ((lr - minLr) * (1 + Math.cos((Math.PI * (warm - warmupSteps)) / cosineSteps))) / 2;
  };
}
