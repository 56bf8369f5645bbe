/** Options of `reduceLrOnPlateau`. */
export interface PlateauOptions {
  readonly lr: number;
  /** Whether a better metric is smaller or larger. Default `"min"`. */
  readonly mode?: "min" | "max";
  /** Default 0.1. */
  readonly factor?: number;
  /** Observations without progress that are borne. Default 10. */
  readonly patience?: number;
  /** Least progress that counts. Default 1e-4. */
  readonly threshold?: number;
  /** Progress as a share of the best (`"rel"`, default) or as a difference. */
  readonly thresholdMode?: "rel" | "abs";
  /** Observations after a reduction in which nothing is counted. Default 0. */
  readonly cooldown?: number;
  /** Default 0. */
  readonly minLr?: number;
  /** A reduction smaller than this is left out. Default 1e-8. */
  readonly epsilon?: number;
}

/** What the plateau rule remembers. Plain data, to be saved and passed on. */
export interface PlateauState {
  readonly lr: number;
  readonly best: number;
  readonly badObservations: number;
  readonly cooldownLeft: number;
}

/** A learning rate that falls when a metric stops getting better. Pure: it takes a state and gives the next. */
export interface PlateauSchedule {
  readonly start: PlateauState;
  observe(state: PlateauState, metric: number): PlateauState;
}

/** The rule of `torch.optim.lr_scheduler.ReduceLROnPlateau`. */
export function reduceLrOnPlateau(options: PlateauOptions): PlateauSchedule {
  const { mode = "min", factor = 0.1, patience = 10, cooldown = 0, minLr = 0, epsilon = 1e-8 } = options;
  const worst = mode === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return {
    start: { lr: options.lr, best: worst, badObservations: 0, cooldownLeft: 0 },
    observe(state, metric) {
      const isBetter = beats(metric, state.best, options);
      const best = isBetter ? metric : state.best;
      const isCooling = state.cooldownLeft > 0;
      const cooldownLeft = isCooling ? state.cooldownLeft - 1 : 0;
      const badObservations = isBetter || isCooling ? 0 : state.badObservations + 1;
      if (badObservations <= patience) return { lr: state.lr, best, badObservations, cooldownLeft };
      const lower = Math.max(state.lr * factor, minLr);
      const lr = state.lr - lower > epsilon ? lower : state.lr;
      return { lr, best, badObservations: 0, cooldownLeft: cooldown };
    },
  };
}

function beats(metric: number, best: number, options: PlateauOptions): boolean {
  const { mode = "min", threshold = 1e-4, thresholdMode = "rel" } = options;
  const sign = mode === "min" ? -1 : 1;
  const needed = thresholdMode === "rel" ? best * (1 + sign * threshold) : best + sign * threshold;
  return mode === "min" ? metric < needed : metric > needed;
}
