import * as tf from "@tensorflow/tfjs-core";
import { type FormPasses, type GatheredProduct, productPasses } from "../product.js";
import { formName, formsOf, likelyForm } from "../product_form.js";
import type { ProductProblem } from "../product_problem.js";
import type { ShaderBackend } from "../shader.js";
import { numbers, operand } from "./made_up_numbers.js";
import type { MadeUpProblem } from "./measure_forms.js";

/** A product as the problem's, on numbers that are made up. */
export async function madeUpProduct(backend: ShaderBackend, problem: ProductProblem): Promise<MadeUpProblem> {
  const product = await operandsFor(problem);
  const likely = likelyForm(backend, problem);
  const forms = [likely, ...formsOf(backend, problem)].map(
    (form) => [formName(form), (): FormPasses => productPasses(backend, product, problem, form)] as const,
  );
  return {
    forms: new Map(forms),
    // Forms differ in the order of adding up only.
    tolerance: 1e-4,
    dispose: () => tf.dispose(tensorsOf(product)),
  };
}

function tensorsOf({ a, b, bias, norm, scale, residual }: GatheredProduct): tf.Tensor[] {
  const { epsilon: _, ...moments } = norm ?? {};
  return [a, b, bias, ...Object.values(moments), scale, residual].filter(
    (tensor) => tensor !== undefined,
  ) as tf.Tensor[];
}

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
