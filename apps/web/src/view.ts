import { drawMap } from "./draw.js";
import type { Elements } from "./elements.js";
import { shippedModelUrl } from "./model_source.js";
import type { AppState } from "./state.js";
import { captionOf, renderTable } from "./table.js";

/** Makes the function that brings the page in line with the state; what did not change is left alone. */
export function createView(elements: Elements, onSelect: (id: string) => void): (state: AppState) => void {
  let shown: AppState | undefined;
  return (state) => {
    const changed = (...names: (keyof AppState)[]): boolean =>
      shown === undefined || names.some((name) => shown?.[name] !== state[name]);
    if (changed("busy", "sceneView", "status", "error", "modelFile", "backendFact"))
      showControls(elements, state);
    if (changed("sceneView", "mapView", "lakes", "selectedLakeId", "opacity")) showMap(elements, state);
    if (changed("lakes", "mapView", "selectedLakeId")) {
      elements.lakes.hidden = state.mapView === undefined;
      keepFocus(elements.lakes, () =>
        renderTable(elements.lakes, state.lakes, state.selectedLakeId, onSelect),
      );
    }
    if (changed("threshold", "opacity", "mapView")) showSliders(elements, state);
    shown = state;
  };
}

function showControls(elements: Elements, state: AppState): void {
  const { busy, sceneView, modelFile, backendFact, status, error } = state;
  for (const control of [elements.makeDemo, elements.sceneFile, elements.modelFile, elements.backend]) {
    control.disabled = busy !== undefined;
  }
  elements.run.disabled = busy !== undefined || sceneView === undefined;
  elements.cancel.disabled = busy === undefined;
  elements.progress.hidden = busy === undefined;
  if (busy?.share === undefined) elements.progress.removeAttribute("value");
  else elements.progress.value = busy.share;
  elements.status.textContent = busy ? `${busy.text} …` : status;
  elements.sceneFact.textContent = sceneView?.fact ?? "No scene yet.";
  elements.modelFact.textContent = modelText(modelFile);
  elements.backendFact.textContent = backendFact;
  elements.error.hidden = error === undefined;
  elements.error.textContent = error ?? "";
}

function modelText(modelFile: File | undefined): string {
  if (modelFile) return `Your bundle: ${modelFile.name}.`;
  return shippedModelUrl === undefined
    ? "This page was built without glof's bundle: choose one."
    : "The bundle that comes with glof.";
}

function showMap(elements: Elements, state: AppState): void {
  const { sceneView, mapView, lakes } = state;
  elements.mapFrame.hidden = sceneView === undefined;
  elements.mapEmpty.hidden = sceneView !== undefined;
  if (!sceneView) return;
  drawMap(elements.map, state);
  const what = `True-colour picture of ${sceneView.scene.id}`;
  elements.map.setAttribute("aria-label", mapView ? `${what}. ${captionOf(lakes)}` : what);
}

function showSliders(elements: Elements, { threshold, opacity, mapView }: AppState): void {
  elements.sliders.hidden = mapView === undefined;
  elements.threshold.value = String(threshold);
  elements.thresholdValue.textContent = threshold.toFixed(2);
  elements.opacity.value = String(opacity);
  elements.opacityValue.textContent = `${Math.round(opacity * 100)} %`;
}

/** Replacing a table takes the focus from the button in it; it goes back to the same one. */
function keepFocus(target: HTMLElement, render: () => void): void {
  const focused = target.contains(document.activeElement) ? document.activeElement?.textContent : undefined;
  render();
  if (!focused) return;
  const button = [...target.querySelectorAll("button")].find(({ textContent }) => textContent === focused);
  button?.focus();
}
