/** Milliseconds that work may go on before input and painting get their turn. */
const budgetMs = 24;

let lastTurn = 0;

/** Lets the page have its turn, if it has waited long enough: a pause costs several milliseconds. */
export async function nextTurn(): Promise<void> {
  if (performance.now() - lastTurn < budgetMs) return;
  await new Promise((resolve) => setTimeout(resolve, 0));
  lastTurn = performance.now();
}
