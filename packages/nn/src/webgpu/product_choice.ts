import { formChoice } from "./form_choice.js";
import { likelyForm, type ProductForm, type ProductProblem } from "./product_form.js";

/** Who decides on the forms of matrix products. */
export const productForms = formChoice<ProductProblem, ProductForm>(likelyForm);

/** Lets `chooser` decide on products while `work` starts. */
export const withFormChooser = productForms.with;
