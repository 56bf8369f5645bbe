import { useWebgpuTuning, type WebgpuTuning } from "@glof/nn";
import { importInNode, isNode, messageOf } from "./environment.js";

/** What became of the choices that an earlier process measured. */
export interface TuningFacts {
  /** Choices in use. */
  readonly choices: number;
  readonly reason: string;
  /** Where they are kept. */
  readonly place: string;
}

/** One text that outlives the process. */
interface Store {
  readonly place: string;
  /** `undefined` where nothing was written yet. */
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

const key = "glof.webgpu-tuning";

/** The tables of all devices of this machine, by the names of their adapters. */
type Tables = Readonly<Record<string, unknown>>;

/** Uses what was measured for the present device; what cannot be read or used is left aside with a reason. */
export async function loadTuning(): Promise<TuningFacts> {
  const { place, read } = await openStore();
  try {
    const text = await read();
    if (text === undefined) return { choices: 0, reason: "nothing was measured yet", place };
    for (const table of Object.values(tablesIn(text))) {
      const report = useWebgpuTuning(table);
      if (report.choices > 0) return { ...report, place };
    }
    return { choices: 0, reason: "nothing was measured on this device", place };
  } catch (error) {
    return { choices: 0, reason: `it cannot be read: ${messageOf(error)}`, place };
  }
}

/**
 * Keeps choices for later processes, beside those that there are for the device and for others.
 *
 * @returns where
 */
export async function storeTuning(tuning: WebgpuTuning): Promise<string> {
  const { place, read, write } = await openStore();
  const tables = await read()
    .then((text) => (text === undefined ? {} : tablesIn(text)))
    .catch(() => ({}));
  const before = (tables as Record<string, Partial<WebgpuTuning> | undefined>)[tuning.adapter];
  const kept = before?.version === tuning.version ? before.choices : {};
  const merged = { ...tuning, choices: { ...kept, ...tuning.choices } };
  await write(`${JSON.stringify({ ...tables, [tuning.adapter]: merged }, undefined, 1)}\n`);
  useWebgpuTuning(merged);
  return place;
}

function tablesIn(text: string): Tables {
  const tables: unknown = JSON.parse(text);
  if (typeof tables !== "object" || tables === null || Array.isArray(tables))
    throw new Error("it holds no tables");
  return tables as Tables;
}

function openStore(): Promise<Store> {
  return isNode ? openFile() : Promise.resolve(browserStore());
}

async function openFile(): Promise<Store> {
  const [fs, os, path] = await Promise.all([
    importInNode<typeof import("node:fs/promises")>("node:fs/promises"),
    importInNode<typeof import("node:os")>("node:os"),
    importInNode<typeof import("node:path")>("node:path"),
  ]);
  // A relative path in the variable is to be ignored (XDG base directory specification).
  const wanted = process.env.XDG_CACHE_HOME;
  const caches = wanted && path.isAbsolute(wanted) ? wanted : path.join(os.homedir(), ".cache");
  const place = path.join(caches, "glof", "webgpu-tuning.json");
  return {
    place,
    read: () =>
      fs.readFile(place, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      }),
    write: async (text) => {
      const unfinished = `${place}.${process.pid}`;
      await fs.mkdir(path.dirname(place), { recursive: true });
      await fs.writeFile(unfinished, text);
      await fs.rename(unfinished, place).catch(async (error: unknown) => {
        await fs.rm(unfinished, { force: true });
        throw error;
      });
    },
  };
}

function browserStore(): Store {
  return {
    place: `localStorage, ${key}`,
    read: async () => globalThis.localStorage?.getItem(key) ?? undefined,
    write: async (text) => globalThis.localStorage?.setItem(key, text),
  };
}
