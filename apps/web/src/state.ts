import type { Lake } from "@glof/mapping/browser";
import type { Canvas } from "@glof/report";
import type { Scene } from "@glof/sentinel2";
import type { ProbabilityMap } from "./run.js";

/** The chosen scene and its true-colour picture. */
export interface SceneView {
  readonly scene: Scene;
  readonly picture: Canvas;
  /** Scene pixels per picture pixel. */
  readonly step: number;
  /** Metres per scene pixel. */
  readonly pixelSizeM: number | undefined;
  /** What the page says of it. */
  readonly fact: string;
}

/** The result of a run: it does not depend on the threshold. */
export interface MapView {
  readonly probability: ProbabilityMap;
  /** The probability as a picture of the same size as the scene's. */
  readonly overlay: Canvas;
}

/** Long work under way. */
export interface Busy {
  readonly text: string;
  /** 0 to 1; `undefined` while it cannot be known. */
  readonly share: number | undefined;
}

/** Everything that the page shows. */
export interface AppState {
  readonly busy: Busy | undefined;
  readonly sceneView: SceneView | undefined;
  /** The user's own bundle; `undefined` for the one that comes with glof. */
  readonly modelFile: File | undefined;
  readonly mapView: MapView | undefined;
  readonly lakes: readonly Lake[];
  readonly selectedLakeId: string | undefined;
  readonly threshold: number;
  readonly minAreaM2: number;
  /** Of the probability overlay, 0 to 1. */
  readonly opacity: number;
  /** Which backend runs and why. */
  readonly backendFact: string;
  readonly status: string;
  readonly error: string | undefined;
}

/** Holds the state and tells who listens of each change. */
export interface Store {
  get(): AppState;
  set(change: Partial<AppState>): void;
  /** Calls back now and after each change. */
  watch(listener: (state: AppState) => void): void;
}

/** The state of a page that was just opened. */
export const initialState: AppState = {
  busy: undefined,
  sceneView: undefined,
  modelFile: undefined,
  mapView: undefined,
  lakes: [],
  selectedLakeId: undefined,
  threshold: 0.5,
  minAreaM2: 1000,
  opacity: 0.35,
  backendFact: "",
  status: "",
  error: undefined,
};

/** Makes a store. */
export function createStore(state: AppState = initialState): Store {
  let current = state;
  const listeners: ((state: AppState) => void)[] = [];
  return {
    get: () => current,
    set: (change) => {
      current = { ...current, ...change };
      for (const listener of listeners) listener(current);
    },
    watch: (listener) => {
      listeners.push(listener);
      listener(current);
    },
  };
}
