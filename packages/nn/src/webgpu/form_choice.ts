import type { ShaderBackend } from "./shader.js";

/** Decides on the form that a problem is computed in, or leaves it to the next one. */
export type Chooser<Problem, Form> = (backend: ShaderBackend, problem: Problem) => Form | undefined;

/** Who decides on the forms of one kind of problem. */
export interface FormChoice<Problem, Form> {
  /** The form of a problem: the temporary chooser's, else the tuned one, else the likely one. */
  choose(backend: ShaderBackend, problem: Problem): Form;
  /** Lets measured choices decide from now on, or the likely ones again. */
  setTuned(chooser: Chooser<Problem, Form> | undefined): void;
  /** Lets `chooser` decide while `work` starts: what it does after an `await` is left to the others. */
  with<T>(chooser: Chooser<Problem, Form>, work: () => T): T;
  /** Lets `chooser` decide until the function that comes back is called. */
  begin(chooser: Chooser<Problem, Form>): () => void;
}

/** A choice of forms, of which `likely` gives one in any case. */
export function formChoice<Problem, Form>(
  likely: (backend: ShaderBackend, problem: Problem) => Form,
): FormChoice<Problem, Form> {
  let tuned: Chooser<Problem, Form> | undefined;
  let temporary: Chooser<Problem, Form> | undefined;
  const begin = (chooser: Chooser<Problem, Form>): (() => void) => {
    const before = temporary;
    temporary = chooser;
    return () => {
      temporary = before;
    };
  };
  return {
    choose: (backend, problem) =>
      temporary?.(backend, problem) ?? tuned?.(backend, problem) ?? likely(backend, problem),
    setTuned: (chooser) => {
      tuned = chooser;
    },
    with: (chooser, work) => {
      const end = begin(chooser);
      try {
        return work();
      } finally {
        end();
      }
    },
    begin,
  };
}
