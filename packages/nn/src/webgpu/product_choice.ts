import { likelyForm, type ProductForm, type ProductProblem } from "./product_form.js";
import type { ShaderBackend } from "./shader.js";

/** Decides on a product's form, or leaves it to the next one. */
export type FormChooser = (backend: ShaderBackend, problem: ProductProblem) => ProductForm | undefined;

let tuned: FormChooser | undefined;
let temporary: FormChooser | undefined;

/** The form a product is computed in: the temporary chooser's, else the tuned one, else the likely one. */
export function chooseForm(backend: ShaderBackend, problem: ProductProblem): ProductForm {
  return temporary?.(backend, problem) ?? tuned?.(backend, problem) ?? likelyForm(backend, problem);
}

/** Lets measured choices decide from now on, or the likely ones again. */
export function setTunedForms(chooser: FormChooser | undefined): void {
  tuned = chooser;
}

/** Lets `chooser` decide while `work` starts: what it does after an `await` is left to the others. */
export function withFormChooser<T>(chooser: FormChooser, work: () => T): T {
  const end = beginFormChooser(chooser);
  try {
    return work();
  } finally {
    end();
  }
}

/** Lets `chooser` decide until the function that comes back is called. */
export function beginFormChooser(chooser: FormChooser): () => void {
  const before = temporary;
  temporary = chooser;
  return () => {
    temporary = before;
  };
}
