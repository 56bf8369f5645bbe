import { formChoice } from "./form_choice.js";
import { likelyForm, type ProductForm } from "./product_form.js";
import type { ProductProblem } from "./product_problem.js";

/** Who decides on the forms of matrix products. */
export const productForms = formChoice<ProductProblem, ProductForm>(likelyForm);

/** Lets `chooser` decide on products while `work` starts. */
export const withFormChooser = productForms.with;
