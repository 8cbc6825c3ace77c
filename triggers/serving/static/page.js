// The map of the selected dataset, what lies under a click, and the health of the platform.

const { base, selected } = JSON.parse(document.getElementById("page-data").textContent);
const ACCENT = "#6a3d9a";

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
  else addVector(map);
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

function addVector(map) {
  map.addSource("data", { type: "vector", url: selected.endpoints.tilejson });
  const of = (id, type, geometry, paint) => {
    const filter = ["in", ["geometry-type"], ["literal", [geometry, `Multi${geometry}`]]];
    map.addLayer({ id, type, source: "data", "source-layer": "default", filter, paint });
  };
  of("areas", "fill", "Polygon", { "fill-color": ACCENT, "fill-opacity": 0.25 });
  of("borders", "line", "Polygon", { "line-color": ACCENT, "line-width": 1 });
  of("lines", "line", "LineString", { "line-color": ACCENT, "line-width": 1.6 });
  of("points", "circle", "Point", { "circle-color": ACCENT, "circle-radius": 4, "circle-stroke-color": "#fff", "circle-stroke-width": 1 });
  map.addLayer({ id: "chosen", type: "line", source: "data", "source-layer": "default", filter: ["==", ["get", "fid"], -1],
                 paint: { "line-color": "#d1495b", "line-width": 3 } });
  const layers = ["areas", "lines", "points"];
  map.on("click", (event) => {
    const [feature] = map.queryRenderedFeatures(event.point, { layers });
    map.setFilter("chosen", ["==", ["get", "fid"], feature?.properties.fid ?? -1]);
    showPicked("Attributes", feature && Object.entries(feature.properties));
  });
  map.on("mousemove", (event) => {
    map.getCanvas().style.cursor = map.queryRenderedFeatures(event.point, { layers }).length ? "pointer" : "";
  });
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
