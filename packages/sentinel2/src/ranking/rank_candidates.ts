import { GlofError } from "@glof/core";

/** Something to be ranked by numbers. Lower is better in all of them. */
export interface RankCandidate {
  readonly id: string;
  /** ISO 8601. */
  readonly acquiredAt?: string | undefined;
  readonly metrics: Readonly<Record<string, number | undefined>>;
}

/** Days of the year, `MM-DD`, both included; a season may run over the new year. */
export interface Season {
  readonly from: string;
  readonly to: string;
}

/** Options of `rankCandidates`. */
export interface RankOptions {
  /**
   * `"minmax"` (default): score = Σ wᵢ (1 - mᵢ) / Σ wᵢ, where mᵢ is the metric brought to 0 … 1 over the candidates that pass
   * (0 where all are equal, 1 where it is absent); the highest is best. `"ranks"`: score = the weighted mean of the number
   * of candidates that are better, in metrics rounded to 2 decimals; the lowest is best.
   */
  readonly method?: "minmax" | "ranks";
  /** Metrics that count, by name. */
  readonly weights: Readonly<Record<string, number>>;
  /** Candidates with a higher metric are set behind; absent ones pass. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Candidates taken outside are set behind, those without a time too. */
  readonly season?: Season;
  /** Metric that decides between equal scores, lower first; then the earlier time, then the id. */
  readonly tieBreak?: string;
}

/** A candidate with its place. */
export interface Ranked<Candidate extends RankCandidate> {
  readonly candidate: Candidate;
  /** See `RankOptions.method`; NaN for what is rejected. */
  readonly score: number;
  /** Why it is out, in words; absent where it is in. */
  readonly rejected?: string;
}

/**
 * Ranks candidates, best first; those that limits or season reject come last, with the reason.
 *
 * The methods are DL4GAM's: `"ranks"` of its first version, `"minmax"` of the second.
 *
 * @throws GlofError `bad-argument` for weights that are not positive, an unknown method, a malformed season
 */
export function rankCandidates<Candidate extends RankCandidate>(
  candidates: readonly Candidate[],
  options: RankOptions,
): Ranked<Candidate>[] {
  checkOptions(options);
  const judged = candidates.map((candidate) => ({ candidate, rejected: rejection(candidate, options) }));
  const passing = judged.filter((entry) => entry.rejected === undefined).map((entry) => entry.candidate);
  const scores = options.method === "ranks" ? rankScores(passing, options) : minmaxScores(passing, options);
  const better = options.method === "ranks" ? 1 : -1;
  const ranked = passing
    .map((candidate, index) => ({ candidate, score: scores[index]! }))
    .sort((a, b) => better * (a.score - b.score) || compareTies(a.candidate, b.candidate, options.tieBreak));
  const rejected = judged.flatMap(({ candidate, rejected: reason }) =>
    reason === undefined ? [] : [{ candidate, score: Number.NaN, rejected: reason }],
  );
  return [...ranked, ...rejected];
}

function rejection(
  { metrics, acquiredAt }: RankCandidate,
  { limits = {}, season }: RankOptions,
): string | undefined {
  for (const [name, limit] of Object.entries(limits)) {
    const value = metrics[name];
    if (value !== undefined && !(value <= limit)) return `${name} ${Number(value.toFixed(3))} above ${limit}`;
  }
  if (season === undefined) return undefined;
  const day = acquiredAt?.slice(5, 10);
  if (day === undefined) return "time not known";
  const { from, to } = season;
  const inside = from <= to ? day >= from && day <= to : day >= from || day <= to;
  return inside ? undefined : `taken on ${day}, outside ${from} to ${to}`;
}

function minmaxScores(candidates: readonly RankCandidate[], { weights }: RankOptions): number[] {
  const scores = candidates.map(() => 0);
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  for (const [name, weight] of Object.entries(weights)) {
    const values = candidates.map(({ metrics }) => metrics[name]);
    const known = values.filter((value) => isNumber(value));
    const least = Math.min(...known);
    const range = Math.max(...known) - least;
    values.forEach((value, index) => {
      const scaled = isNumber(value) ? (range === 0 ? 0 : (value - least) / range) : 1;
      scores[index]! += (weight * (1 - scaled)) / total;
    });
  }
  return scores;
}

function rankScores(candidates: readonly RankCandidate[], { weights }: RankOptions): number[] {
  const scores = candidates.map(() => 0);
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  for (const [name, weight] of Object.entries(weights)) {
    // Absent metrics are worse than any other.
    const values = candidates.map(({ metrics }) =>
      isNumber(metrics[name]) ? toHundredths(metrics[name]) : Number.POSITIVE_INFINITY,
    );
    values.forEach((value, index) => {
      scores[index]! += (weight * values.filter((other) => other < value).length) / total;
    });
  }
  return scores;
}

const isNumber = (value: number | undefined): value is number => value !== undefined && !Number.isNaN(value);

/** NumPy's rounding to 2 decimals, in hundredths: halves go to the even neighbour. */
function toHundredths(value: number): number {
  const scaled = value * 100;
  const below = Math.floor(scaled);
  const rest = scaled - below;
  return rest === 0.5 ? below + (below % 2 === 0 ? 0 : 1) : Math.round(scaled);
}

function compareTies(a: RankCandidate, b: RankCandidate, tieBreak: string | undefined): number {
  const value = ({ metrics }: RankCandidate): number => {
    const metric = tieBreak === undefined ? undefined : metrics[tieBreak];
    return isNumber(metric) ? metric : Number.MAX_VALUE;
  };
  const times = [a.acquiredAt ?? "9", b.acquiredAt ?? "9"] as const;
  return value(a) - value(b) || compareText(...times) || compareText(a.id, b.id);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function checkOptions({ method = "minmax", weights, season }: RankOptions): void {
  const insist = (holds: boolean, expected: string, got: string): void => {
    if (holds) return;
    throw new GlofError(
      "bad-argument",
      `rankCandidates: expected ${expected}, got ${got}. Correct the call.`,
    );
  };
  insist(method === "minmax" || method === "ranks", "the method minmax or ranks", String(method));
  const numbers = Object.values(weights);
  insist(
    numbers.length > 0 && numbers.every((weight) => weight > 0 && Number.isFinite(weight)),
    "weights above 0",
    JSON.stringify(weights),
  );
  for (const day of season ? [season.from, season.to] : []) {
    insist(/^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/.test(day), "days as MM-DD", day);
  }
}
