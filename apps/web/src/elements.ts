/** The element of the page with an id, of the class it must have. */
function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`index.html: expected #${id} to be a ${type.name}`);
}

/** The elements that code reads, writes or listens to. */
export function findElements() {
  const input = (id: string) => element(id, HTMLInputElement);
  const button = (id: string) => element(id, HTMLButtonElement);
  const select = (id: string) => element(id, HTMLSelectElement);
  const part = (id: string) => element(id, HTMLElement);
  return {
    controls: element("controls", HTMLFormElement),
    dropZone: part("drop-zone"),
    sceneFile: input("scene-file"),
    bandNames: input("band-names"),
    offsetDn: input("offset-dn"),
    makeDemo: button("make-demo"),
    demoSeed: input("demo-seed"),
    demoSide: select("demo-side"),
    sceneFact: part("scene-fact"),
    modelFile: input("model-file"),
    modelFact: part("model-fact"),
    backend: select("backend"),
    tileSide: select("tile-side"),
    run: button("run"),
    cancel: button("cancel"),
    progress: element("progress", HTMLProgressElement),
    status: part("status"),
    backendFact: part("backend-fact"),
    error: part("error"),
    map: element("map", HTMLCanvasElement),
    mapFrame: part("map-frame"),
    mapEmpty: part("map-empty"),
    sliders: part("sliders"),
    threshold: input("threshold"),
    thresholdValue: element("threshold-value", HTMLOutputElement),
    opacity: input("opacity"),
    opacityValue: element("opacity-value", HTMLOutputElement),
    minArea: input("min-area"),
    saveGeoJson: button("save-geojson"),
    savePng: button("save-png"),
    lakes: part("lakes"),
  };
}

export type Elements = ReturnType<typeof findElements>;
