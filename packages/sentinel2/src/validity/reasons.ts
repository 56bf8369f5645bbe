/**
 * Why a pixel is not valid, as bits of `ReflectanceWindow.invalidReasons`.
 *
 * `noData`: an asked band holds its no-data value, or all of them 0. `saturated`: an asked band holds the number that the
 * product declares for it. `cloud`, `shadow`, `cirrus`, `classed` (any other class): by the scene classification or the
 * cloud probability, as the `ValidityPolicy` says. `outside`: too near to no data (`erodeEdgePx`). `nonFinite`: NaN or an
 * infinity in an asked band.
 */
export const INVALID_REASONS = {
  noData: 1,
  saturated: 2,
  cloud: 4,
  shadow: 8,
  cirrus: 16,
  outside: 32,
  nonFinite: 64,
  classed: 128,
} as const;

/** The name of a reason for which a pixel is not valid. */
export type InvalidReason = keyof typeof INVALID_REASONS;
