// The map of the selected dataset, what lies under a click, and the health of the platform.

const { base, selected } = JSON.parse(document.getElementById("page-data").textContent);
// As in page.css: .swatch-0 and so on.
const COLORS = ["#6a3d9a", "#1f78b4", "#b35806", "#1b7f4b", "#c51b7d", "#4d4d4d", "#8c6d00", "#00798c"];

showHealth();
if (selected && document.getElementById("map")) showMap().catch(reportMapFailure);

async function showHealth() {
  const place = document.getElementById("health");
  try {
    const health = await (await fetch(`${base}/api/health`)).json();
    const bad = (health.components ?? []).filter((part) => part.status !== "healthy").map((part) => part.component);
    place.dataset.state = health.status;
    place.querySelector("span").textContent = health.status + (bad.length ? `: ${bad.join(", ")}` : "");
  } catch {
    place.dataset.state = "unhealthy";
    place.querySelector("span").textContent = "no answer";
  }
}

async function showMap() {
  const { Map, NavigationControl, ScaleControl } = await import("./vendor/maplibre-gl.mjs");
  const map = new Map({
    container: "map",
    style: { version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": "#e9eef0" } }] },
    center: [0, 20],
    zoom: 1,
    attributionControl: false,
  });
  map.addControl(new NavigationControl({ showCompass: false }));
  map.addControl(new ScaleControl());
  await map.once("load");
  addGraticule(map);
  if (selected.bbox) map.fitBounds(bounded(selected.bbox), { padding: 30, animate: false, maxZoom: 14 });
  if (selected.raster) addRaster(map);
  else addLayers(map);
}

// Without a base map from elsewhere, lines every ten degrees tell where one is.
function addGraticule(map) {
  const line = (coordinates) => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } });
  const steps = (from, to) => Array.from({ length: (to - from) / 10 + 1 }, (_, i) => from + 10 * i);
  const features = [
    ...steps(-180, 180).map((lon) => line(steps(-80, 80).map((lat) => [lon, lat]))),
    ...steps(-80, 80).map((lat) => line(steps(-180, 180).map((lon) => [lon, lat]))),
  ];
  map.addSource("graticule", { type: "geojson", data: { type: "FeatureCollection", features } });
  map.addLayer({ id: "graticule", type: "line", source: "graticule", paint: { "line-color": "#c9d3d8", "line-width": 0.7 } });
}

// The first layer of the source lies on top, and of one layer points lie above lines and lines above areas.
function addLayers(map) {
  const shown = [];
  for (const number of [...selected.layers.keys()].reverse()) shown.push(...addVector(map, number));
  const clickable = shown.filter((id) => !id.startsWith("borders"));
  map.on("click", (event) => pick(map, map.queryRenderedFeatures(event.point, { layers: clickable })[0]));
  map.on("mousemove", (event) => {
    const found = map.queryRenderedFeatures(event.point, { layers: clickable });
    map.getCanvas().style.cursor = found.length ? "pointer" : "";
  });
  for (const box of document.querySelectorAll("input[data-layer]")) {
    box.addEventListener("change", () => {
      for (const id of shown.filter((each) => each.endsWith(`-${box.dataset.layer}`))) {
        map.setLayoutProperty(id, "visibility", box.checked ? "visible" : "none");
      }
    });
  }
}

function addVector(map, number) {
  const color = COLORS[number % COLORS.length];
  const source = `data-${number}`;
  map.addSource(source, { type: "vector", url: selected.layers[number].tilejson });
  const shown = [];
  const of = (name, type, geometry, paint) => {
    const filter = ["in", ["geometry-type"], ["literal", [geometry, `Multi${geometry}`]]];
    const id = `${name}-${number}`;
    map.addLayer({ id, type, source, "source-layer": "default", filter, paint });
    shown.push(id);
  };
  of("areas", "fill", "Polygon", { "fill-color": color, "fill-opacity": 0.25 });
  of("borders", "line", "Polygon", { "line-color": color, "line-width": 1 });
  of("lines", "line", "LineString", { "line-color": color, "line-width": 1.6 });
  of("points", "circle", "Point", { "circle-color": color, "circle-radius": 4, "circle-stroke-color": "#fff", "circle-stroke-width": 1 });
  const chosen = { source, "source-layer": "default", filter: ["==", ["id"], -1] };
  map.addLayer({ ...chosen, id: `chosen-line-${number}`, type: "line", paint: { "line-color": "#d1495b", "line-width": 3 } });
  map.addLayer({ ...chosen, id: `chosen-point-${number}`, type: "circle", paint: { "circle-color": "#d1495b", "circle-radius": 6 } });
  return shown;
}

let latestPick = 0;

async function pick(map, feature) {
  const mine = ++latestPick;
  const picked = feature ? Number(feature.source.split("-")[1]) : -1;
  for (const number of selected.layers.keys()) {
    const of = ["==", ["id"], number === picked ? (feature.id ?? -1) : -1];
    map.setFilter(`chosen-line-${number}`, of);
    map.setFilter(`chosen-point-${number}`, ["all", of, ["==", ["geometry-type"], "Point"]]);
  }
  if (!feature) return showPicked("", null);
  const rows = await attributes(selected.layers[picked], feature);
  if (mine === latestPick) showPicked(selected.layers.length > 1 ? selected.layers[picked].title : "Attributes", rows);
}

// Tiles hold attributes shortened; the feature itself has them whole, and the collection their original names.
async function attributes(layer, feature) {
  const fetched = async (path) => {
    const answer = await fetch(`${layer.features}${path}`, { headers: { accept: "application/geo+json, application/schema+json, */*" } });
    return answer.ok ? answer.json() : null;
  };
  const asked = [fetched("/queryables"), feature.id === undefined ? null : fetched(`/items/${feature.id}?bbox-only=true`)];
  const [columns, whole] = await Promise.all(asked).catch(() => [null, null]);
  const titled = (name) => columns?.properties?.[name]?.title ?? name;
  return Object.entries(whole?.properties ?? feature.properties).map(([name, value]) => [titled(name), worded(value)]);
}

function worded(value) {
  return value !== null && typeof value === "object" ? JSON.stringify(value) : value;
}

function addRaster(map) {
  const { tile_query, tile_size } = selected.raster;
  const url = new URL(selected.endpoints.tilejson);
  for (const [name, value] of Object.entries(tile_query)) url.searchParams.set(name, value);
  map.addSource("data", { type: "raster", url: url.href, tileSize: tile_size });
  map.addLayer({ id: "picture", type: "raster", source: "data" });
  map.on("error", ({ error }) => {
    if (error?.status !== 404) console.error(error); // tiles beside the data are no error
  });
  map.on("click", async ({ lngLat }) => {
    const wrapped = lngLat.wrap();
    const place = `${wrapped.lng.toFixed(6)},${wrapped.lat.toFixed(6)}`;
    const answer = await fetch(selected.endpoints.point.replace("{lon},{lat}", place));
    const point = answer.ok ? await answer.json() : null;
    showPicked(`Values at ${place}`, point && point.band_names.map((name, i) => [name, meaning(name, point.values[i])]));
  });
}

// The name of a class, or the value in its unit, where the band is the one that is shown.
function meaning(name, value) {
  const { band, classes, unit } = selected.raster;
  if (value === null || name !== `b${band}`) return value;
  const label = classes[String(value)];
  return label ? `${value}: ${label}` : unit ? `${value} ${unit}` : value;
}

function showPicked(caption, rows) {
  const place = document.getElementById("picked");
  if (!rows) {
    place.replaceChildren(element("p", "Nothing here.", "hint"));
    return;
  }
  const table = document.createElement("table");
  table.append(element("caption", caption));
  for (const [name, value] of rows) {
    const row = table.insertRow();
    row.append(element("th", name), element("td", value === null ? "no data" : String(value)));
    row.firstChild.scope = "row";
  }
  place.replaceChildren(table);
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function bounded([west, south, east, north]) {
  const latitude = (value) => Math.max(-85, Math.min(85, value));
  return [[west, latitude(south)], [west > east ? east + 360 : east, latitude(north)]]; // RFC 7946, section 5.2
}

function reportMapFailure(error) {
  console.error(error);
  const notice = element("p", "The map cannot be shown in this browser; the links on this page work without it.", "notice");
  document.getElementById("map").replaceWith(notice);
}
