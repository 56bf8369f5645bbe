import type * as tf from "@tensorflow/tfjs-core";
import type { PrepareWork } from "./serve.js";
import { adamSettings, blockShapes, tensorOf } from "./tf_tools.js";

/** TensorFlow.js's Adam, with AdamW's decay before it as its users write it: there is no AdamW. */
export function stockAdam(engine: typeof tf): PrepareWork {
  return (args) => {
    const shapes = blockShapes(args);
    const { lr, weightDecay, betas, epsilon } = adamSettings;
    const values = (at: number) => tensorOf(engine, shapes[at]!, 2 * at + 1);
    const start = () => ({
      variables: shapes.map((_, at) => engine.variable(values(at))),
      optimizer: engine.train.adam(lr, betas[0], betas[1], epsilon),
    });
    type Started = ReturnType<typeof start>;
    const grads = shapes.map((shape, at) => tensorOf(engine, shape, 2 * at + 2));
    const step = ({ variables, optimizer }: Started): void => {
      engine.tidy(() => {
        for (const one of variables) one.assign(engine.mul(one, 1 - lr * weightDecay));
        optimizer.applyGradients(variables.map(({ name }, at) => ({ name, tensor: grads[at]! })));
      });
    };
    const end = ({ variables, optimizer }: Started): void => {
      optimizer.dispose();
      engine.dispose(variables);
    };
    const going = start();
    return {
      run: () => step(going),
      async output() {
        const fresh = start();
        step(fresh);
        const ends = [0, shapes.length - 2, shapes.length - 1];
        const parts = await Promise.all(ends.map((at) => fresh.variables[at]!.data<"float32">()));
        end(fresh);
        return parts;
      },
      dispose() {
        end(going);
        engine.dispose(grads);
      },
    };
  };
}
