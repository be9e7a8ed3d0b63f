// Charts over the last minutes: a point a second, a line a member.
import { el, keep, say, svg } from "./dom.js";
import { bytes, count, plural, rate, time } from "./format.js";
import { answers, model } from "./model.js";

const span = 300; // seconds
const width = 300, height = 100; // of the drawing; the page stretches it

/** What is drawn: from a member's report, one or two values, the second with a thin line. */
const kinds = [
  { id: "proposals", title: "Proposals a second", unit: (v) => rate(v), of: (r) => [r.sample.proposed], sum: true },
  { id: "reads", title: "Reads a second", unit: (v) => rate(v), of: (r) => [r.sample.reads], sum: true },
  { id: "ordered", title: "Propose → ordered", unit: time, of: (r) => pair(r.sample.ordered) },
  { id: "committed", title: "Propose → committed", unit: time, of: (r) => pair(r.sample.committed) },
  { id: "applied", title: "Propose → applied", unit: time, of: (r) => pair(r.sample.done) },
  { id: "fsync", title: "Write and fsync", unit: time, of: (r) => pair(r.sample.sync) },
  { id: "queue", title: "Waiting", unit: count, of: (r) => [r.queue, r.last - r.applied], now: true },
  { id: "log", title: "Log on disk", unit: bytes, of: (r) => [r.log_bytes], now: true },
  { id: "snapshots", title: "Snapshot progress", unit: bytes, of: underWay, now: true, most: true, none: "none is under way" },
];
/** How far a member is with the snapshot that it takes, and with those that it sends and gets. @param {any} r */
function underWay(r) {
  return [r.writing?.bytes ?? 0, Math.max(0, ...(r.snapshots ?? []).map((s) => s.bytes))];
}
/** Nothing was measured: no point, rather than one at zero. */
const pair = (latency) => (latency?.max ? [latency.p50, latency.p99] : [NaN, NaN]);

/** @type {Map<string, {second: number, values: number[][]}[]>} by the name of a member */
const history = new Map();
/** The most since the last point, by the name of a member, of what may come and go between two. @type {Map<string, number[][]>} */
const peaks = new Map();
let list, colours, spoken = 0;

/** @param {HTMLElement} parent @param {HTMLElement} legend */
export function build(parent, legend) {
  [list, colours] = [parent, legend];
  for (const kind of kinds) {
    const figure = el("figure.chart", { id: `chart-${kind.id}` });
    figure.now = el("span");
    figure.plot = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" });
    figure.lines = svg("g");
    figure.plot.append(svg("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2 }), figure.lines);
    figure.top = el("span.scale");
    figure.half = el("span.scale");
    figure.top.style.top = "0";
    figure.half.style.top = "calc(50% - .1rem)";
    figure.kind = kind;
    figure.append(el("figcaption", {}, el("strong", {}, kind.title), figure.now), el("div.plot", {}, figure.plot, figure.top, figure.half));
    list.append(figure);
  }
}

/** Takes what the page's own member remembers. @param {string} name @param {any[]} samples */
export function remember(name, samples) {
  history.set(name, samples.map((sample) => ({
    second: Math.round(sample.at / 1000),
    values: kinds.map((kind) => (kind.now ? [NaN, NaN] : kind.of({ sample }))),
  })));
}

/** Notes the newest values, once a second, and draws. */
export function show() {
  const second = Math.round((Date.now() + model.skew) / 1000);
  let fresh = false;
  for (const m of model.members) {
    if (!answers(m)) continue;
    const peak = peaks.get(m.name), values = kinds.map((kind) => kind.of(m.report));
    kinds.forEach((kind, at) => kind.most && peak && (values[at] = values[at].map((v, i) => Math.max(v, peak[at][i]))));
    peaks.set(m.name, values);
    const points = history.get(m.name) ?? [];
    history.set(m.name, points);
    if (points.length && points[points.length - 1].second >= second) continue;
    points.push({ second, values });
    peaks.delete(m.name);
    while (points.length > span + 5) points.shift();
    fresh = true;
  }
  if (fresh && !document.hidden) draw(second);
}

function draw(second) {
  keep(colours, [...model.members, null], (m) => m?.name ?? "", () => el("span"), (node, m) => {
    if (!m) return node.childElementCount || node.replaceChildren("times: solid, half are quicker; dashed, 99 of 100 are · waiting: solid, proposals; dashed, entries · snapshots: solid, taken; dashed, sent or received");
    if (!node.childElementCount) node.append(el("span.swatch.line"), ` ${m.name}`);
    node.style.setProperty("--colour", m.colour);
  });
  const speak = Date.now() - spoken > 5000; // who hears the page does not want a number a second
  if (speak) spoken = Date.now();
  for (const figure of list.children) drawOne(figure, second, speak);
}

function drawOne(figure, second, speak) {
  const { kind } = figure, at = kinds.indexOf(kind);
  const oldest = Math.min(second, ...[...history.values()].map((points) => points[0]?.second ?? second));
  const seconds = Math.min(span, Math.max(60, second - oldest)), from = second - seconds;
  const scale = width / seconds;
  const series = model.members.flatMap((m) => {
    const points = (history.get(m.name) ?? []).filter((p) => p.second >= from);
    return (points[points.length - 1]?.values[at] ?? []).map((_, which) => ({
      m, which, points: points.map((p) => ({ x: (p.second - from) * scale, y: p.values[at][which] })),
    }));
  });
  const most = Math.max(0, ...series.flatMap((s) => s.points.map((p) => p.y)).filter(Number.isFinite));
  const top = nice(most);
  keep(figure.lines, series, (s) => `${s.m.name} ${s.which}`, (s) => svg("path", { class: s.which ? "thin" : "" }), (path, s) => {
    path.style.stroke = s.m.colour;
    path.setAttribute("d", trace(s.points, top, 3.5 * scale));
  });
  say(figure.top, most ? kind.unit(top) : "");
  say(figure.half, most ? kind.unit(top / 2) : "");
  const now = series.filter((s) => !s.which && answers(s.m)).map((s) => ({ name: s.m.name, y: s.points[s.points.length - 1]?.y })).filter((v) => Number.isFinite(v.y));
  let words = kind.sum ? `${kind.unit(now.reduce((sum, v) => sum + v.y, 0))} in all` : now.map((v) => `${v.name} ${kind.unit(v.y)}`).join(" · ");
  if (kind.none && now.every((v) => !v.y)) words = kind.none;
  say(figure.now, words || "nothing yet");
  if (speak) figure.plot.setAttribute("aria-label", `${kind.title} over ${plural(Math.round(seconds / 60), "minute")}: now ${words || "nothing"}; at most ${kind.unit(most)}`);
}

/** A path through the points, with a gap where seconds are missing. */
function trace(points, top, gap) {
  let d = "", before = NaN;
  for (const { x, y } of points) {
    if (!Number.isFinite(y)) continue;
    d += `${x - before <= gap ? "L" : "M"}${x.toFixed(1)} ${(height - 3 - (y / top) * (height - 8)).toFixed(1)}`;
    before = x;
  }
  return d;
}

/** The next round number above. */
function nice(most) {
  if (!most) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= most) ?? most;
}
