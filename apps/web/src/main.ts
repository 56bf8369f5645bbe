import { type Actions, createActions } from "./actions.js";
import { type BackendWish, backendWishes } from "./backend.js";
import { canvasAsPng, lakesAsGeoJson, saveFile } from "./download.js";
import { lakeAt } from "./draw.js";
import { type Elements, findElements } from "./elements.js";
import { errorText } from "./jobs.js";
import { createStore, type Store } from "./state.js";
import { createView } from "./view.js";

const elements = findElements();
const store = createStore();
const actions = createActions(store);
store.watch(createView(elements, actions.select));
listenToScene(elements, actions);
listenToRun(elements, actions);
listenToMap(elements, actions, store);
listenToDownloads(elements, store);

function listenToScene(page: Elements, { openFile, makeDemo }: Actions): void {
  const open = (file: File | undefined) => {
    const offsetDn = page.offsetDn.value === "" ? undefined : page.offsetDn.valueAsNumber;
    if (file) openFile(file, { bandNames: page.bandNames.value, offsetDn });
  };
  page.sceneFile.addEventListener("change", () => {
    open(page.sceneFile.files?.[0]);
    // The same file may be chosen again, with other band names.
    page.sceneFile.value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    page.dropZone.classList.add("over");
  });
  document.addEventListener("dragleave", () => page.dropZone.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    page.dropZone.classList.remove("over");
    open(event.dataTransfer?.files[0]);
  });
  page.makeDemo.addEventListener("click", () => {
    if (page.demoSeed.reportValidity()) makeDemo(page.demoSeed.valueAsNumber, Number(page.demoSide.value));
  });
}

function listenToRun(page: Elements, { chooseModel, run, cancel }: Actions): void {
  page.modelFile.addEventListener("change", () => chooseModel(page.modelFile.files?.[0]));
  page.controls.addEventListener("submit", (event) => {
    event.preventDefault();
    const tilePx = page.tileSide.value === "" ? undefined : Number(page.tileSide.value);
    run(wishOf(page.backend.value), tilePx);
  });
  page.cancel.addEventListener("click", cancel);
}

function wishOf(text: string): BackendWish {
  return backendWishes.find((wish) => wish === text) ?? "automatic";
}

function listenToMap(page: Elements, { outlineAgain, setOpacity, select }: Actions, { get }: Store): void {
  page.threshold.addEventListener("input", () => outlineAgain({ threshold: page.threshold.valueAsNumber }));
  page.minArea.addEventListener("input", () => {
    if (page.minArea.value !== "") outlineAgain({ minAreaM2: page.minArea.valueAsNumber });
  });
  page.opacity.addEventListener("input", () => setOpacity(page.opacity.valueAsNumber));
  page.map.addEventListener("click", ({ offsetX, offsetY }) => {
    const scale = page.map.width / page.map.clientWidth;
    select(lakeAt(page.map, get(), offsetX * scale, offsetY * scale)?.id);
  });
}

function listenToDownloads(page: Elements, { get, set }: Store): void {
  page.saveGeoJson.addEventListener("click", () => {
    const { lakes, sceneView } = get();
    const crs = sceneView?.scene.grid.crs;
    if (!crs) return;
    const content = lakesAsGeoJson(lakes, crs);
    saveFile(`${sceneView.scene.id}-lakes.geojson`, new Blob([content], { type: "application/geo+json" }));
  });
  page.savePng.addEventListener("click", () => {
    const name = `${get().sceneView?.scene.id}-lakes.png`;
    canvasAsPng(page.map).then(
      (png) => saveFile(name, png),
      (error: unknown) => set({ error: errorText(error) }),
    );
  });
}
