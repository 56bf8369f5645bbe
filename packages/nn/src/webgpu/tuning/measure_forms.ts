import { GlofError, throwIfAborted } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { preparePass } from "../compute_pass.js";
import { deviceOf } from "../dispatch.js";
import { type GatheredProduct, productPasses, runGathered } from "../product.js";
import { withFormChooser } from "../product_choice.js";
import { formName, formsOf, likelyForm, type ProductForm, type ProductProblem } from "../product_form.js";
import type { ShaderBackend } from "../shader.js";
import { toHalfStorage } from "../to_half_storage.js";
import { timePasses } from "./time_passes.js";

/** What was measured of one product. */
export interface MeasuredProblem {
  readonly name: string;
  /** The form to take. */
  readonly form: string;
  /** Milliseconds by form; a form whose shader the driver refuses or gets wrong is not here. */
  readonly ms: Readonly<Record<string, number>>;
}

/** The likely form stays unless another one is faster by more than measurements differ. */
const worthIt = 0.97;
/** Forms differ in the order of adding up only. */
const tolerance = 1e-4;

/** Times every form of a problem on operands made up for it. */
export async function measureForms(
  backend: ShaderBackend,
  problem: ProductProblem,
  repeats: number,
  signal: AbortSignal | undefined,
): Promise<Omit<MeasuredProblem, "name">> {
  const likely = likelyForm(backend, problem);
  const product = await operandsFor(problem);
  const ms: Record<string, number> = {};
  let expected: tf.Tensor | undefined;
  try {
    expected = runForm(backend, product, likely);
    for (const form of formsOf(backend, problem)) {
      throwIfAborted(signal, "tuneWebgpu");
      if (!(await givesTheSame(backend, product, form, expected))) continue;
      const { first, sum } = productPasses(backend, product, problem, form);
      const passes = [preparePass(backend, first)];
      if (sum) passes.push(preparePass(backend, sum(passes[0]!.outputs[0]!)));
      try {
        ms[formName(form)] = await timePasses(backend, passes, { repeats, signal });
      } finally {
        for (const { dataId } of passes.flatMap(({ outputs }) => outputs)) backend.disposeData(dataId);
      }
    }
  } finally {
    tf.dispose([expected ?? [], tensorsOf(product)]);
  }
  return { form: fastest(ms, formName(likely)), ms };
}

function fastest(ms: Readonly<Record<string, number>>, likely: string): string {
  const [name, time] = Object.entries(ms).sort(([, a], [, b]) => a - b)[0] ?? [likely, 0];
  return time < worthIt * (ms[likely] ?? Number.POSITIVE_INFINITY) ? name : likely;
}

function tensorsOf({ a, b, bias, norm, scale, residual }: GatheredProduct): tf.Tensor[] {
  const { epsilon: _, ...moments } = norm ?? {};
  return [a, b, bias, ...Object.values(moments), scale, residual].filter(
    (tensor) => tensor !== undefined,
  ) as tf.Tensor[];
}

function runForm(backend: ShaderBackend, product: GatheredProduct, form: ProductForm): tf.Tensor {
  const y = withFormChooser(
    () => form,
    () => runGathered(backend, product),
  );
  return tf.engine().makeTensorFromTensorInfo(y);
}

/** Whether a form's shader is valid and gives the expected numbers. */
async function givesTheSame(
  backend: ShaderBackend,
  product: GatheredProduct,
  form: ProductForm,
  expected: tf.Tensor,
): Promise<boolean> {
  const device = deviceOf(backend);
  device.pushErrorScope("validation");
  const [off, size] = tf.tidy(() => {
    const y = runForm(backend, product, form);
    return [tf.max(tf.abs(tf.sub(y, expected))), tf.max(tf.abs(expected))];
  });
  const invalid = await device.popErrorScope();
  const [[offBy], [largest]] = [await off!.data(), await size!.data()] as [Float32Array, Float32Array];
  tf.dispose([off!, size!]);
  return invalid === null && offBy! <= tolerance * largest!;
}

/** A period that no size divides by. */
const period = 4099;

/** Numbers between -1 and 1 of a size, made on the device. */
function numbers(shape: number[]): tf.Tensor {
  return tf.tidy(() => {
    const count = shape.reduce((product, size) => product * size, 1);
    const some = tf.sin(tf.mul(tf.range(0, Math.min(count, period)), 0.7));
    return tf.reshape(tf.slice(tf.tile(some, [Math.ceil(count / period)]), [0], [count]), shape);
  });
}

async function operand(count: number, half: boolean): Promise<tf.Tensor> {
  if (!half) return numbers([count]);
  const single = numbers([count / 4, 4]);
  const { x } = await toHalfStorage({ x: single }).finally(() => single.dispose());
  if (x !== undefined) return x;
  throw new GlofError("internal", "tuneWebgpu: expected an operand in halves, got none. Do report it.");
}

/** A product as the problem's, on numbers that are made up. */
async function operandsFor(problem: ProductProblem): Promise<GatheredProduct> {
  const { m, n, batch, end } = problem;
  const perColumn = (wanted: boolean): tf.Tensor | undefined => (wanted ? numbers([n]) : undefined);
  return {
    ...problem,
    a: await operand(problem.numbersA, problem.halfA),
    b: await operand(problem.numbersB, problem.halfB),
    bias: perColumn(end.bias),
    norm: end.norm ? normFor(n) : undefined,
    activation: end.activation,
    compact: end.halfY,
    scale: perColumn(end.scale),
    residual: end.residual ? numbers([batch, m, n]) : undefined,
  };
}

function normFor(n: number): NonNullable<GatheredProduct["norm"]> {
  const variance = tf.tidy(() => tf.square(numbers([n])));
  return { mean: numbers([n]), variance, weight: numbers([n]), shift: numbers([n]), epsilon: 1 };
}
