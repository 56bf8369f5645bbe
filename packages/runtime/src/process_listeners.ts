import { isNode } from "./environment.js";

const fatalEvents = ["uncaughtException", "unhandledRejection"] as const;

/**
 * Runs `start` and removes the listeners for uncaught errors that it put on the process.
 *
 * Emscripten's start-up code (in TensorFlow.js's WASM backend) adds listeners that throw again what they are given: from
 * then on every unhandled rejection kills the process with code 7, whatever handlers the program has. Without them Node
 * behaves as the program expects.
 */
export async function withoutEmscriptenListeners<T>(start: () => Promise<T>): Promise<T> {
  if (!isNode) return start();
  const before = fatalEvents.map((event) => new Set(process.rawListeners(event)));
  try {
    return await start();
  } finally {
    fatalEvents.forEach((event, index) => {
      for (const listener of process.rawListeners(event)) {
        if (!before[index]!.has(listener) && throwsAgain(listener)) {
          process.removeListener(event, listener as (...args: unknown[]) => void);
        }
      }
    });
  }
}

/** Only Emscripten's own: the program may have added listeners of its own while we waited. */
const throwsAgain = (listener: unknown): boolean =>
  /ExitStatus|^function ?\(reason\) ?\{ ?throw reason;? ?\}$/.test(String(listener));
