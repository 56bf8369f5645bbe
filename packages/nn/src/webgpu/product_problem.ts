import type { UniformValue } from "./dispatch.js";
import type { Epilogue } from "./epilogue.js";
import type { OperandKind } from "./operand_loader.js";

/** What a product multiplies, without the numbers: all that its speed depends on. */
export interface ProductProblem {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Products in one go. */
  readonly batch: number;
  /** Numbers between the operands of two products, 0 where all use the same, and in each operand. */
  readonly strideA: number;
  readonly strideB: number;
  readonly numbersA: number;
  readonly numbersB: number;
  readonly kindA: OperandKind;
  readonly kindB: OperandKind;
  /** Sizes that the operands' kinds read by. */
  readonly sizes: readonly UniformValue[];
  /** The operands' buffers hold halves. */
  readonly halfA: boolean;
  readonly halfB: boolean;
  readonly end: Epilogue;
  /** Operands may be rounded to half precision. */
  readonly half: boolean;
}
