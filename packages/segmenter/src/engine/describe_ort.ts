import { findOrtPackage, ortPackageName } from "./ort_package.js";
import { OrtWorker } from "./ort_worker.js";

/** Whether the engine `ort` works here. */
export interface OrtDescription {
  readonly isAvailable: boolean;
  /** Of `onnxruntime-node`, where it is installed. */
  readonly version: string | undefined;
  /** Why it does not work; absent where it does. */
  readonly problem?: string;
}

/** Looks for `onnxruntime-node` and loads it, in a thread that ends at once. */
export async function describeOrtEngine(): Promise<OrtDescription> {
  const found = await findOrtPackage();
  if (found === undefined) {
    return { isAvailable: false, version: undefined, problem: `${ortPackageName} is not installed` };
  }
  const worker = await OrtWorker.start(found);
  try {
    await worker.order({ kind: "probe" });
    return { isAvailable: true, version: found.version };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { isAvailable: false, version: found.version, problem };
  } finally {
    await worker.close();
  }
}
