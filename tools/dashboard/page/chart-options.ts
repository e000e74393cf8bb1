// How uPlot draws our charts: scales, axes, line styles, and what stands at the ends of lines.

import type uPlot from "uplot";

import type { ChartData, ChartText, Line } from "./chart-data.ts";
import { colorNow, shapePath } from "./marks.ts";

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const LABEL_FONT = FONT.replace("11px", "600 11px");
const DASHES: Readonly<Record<Line["style"], number[]>> = { solid: [], dashed: [6, 4], dotted: [1.5, 3] };
const WIDTHS: Readonly<Record<Line["style"], number>> = { solid: 2, dashed: 1.5, dotted: 1.5 };
const MARK_RADIUS = 4;
const LABEL_HEIGHT = 14;
const LONGEST_LABEL = 12;
/** `data` and `onPoint`: what is shown now, and what to do when the pointer moves. Size and columns are the caller's. */
export function chartOptions(
  text: ChartText,
  data: () => ChartData,
  onPoint: () => void,
  width: number,
): Omit<uPlot.Options, "width" | "height"> {
  const [ink, faint, grid] = ["--ink-soft", "--ink-faint", "--grid"].map(colorNow) as [
    string,
    string,
    string,
  ];
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const { mark, style, band } of data().lines) {
    const color = colorNow(mark.color);
    series.push({
      stroke: color,
      width: WIDTHS[style],
      dash: DASHES[style],
      cap: style === "dotted" ? "round" : "butt",
      points: { show: false },
      spanGaps: false,
    });
    if (band === undefined) continue;
    bands.push({ series: [series.length, series.length + 1], fill: `${color}1f` });
    const edge: uPlot.Series = { stroke: `${color}47`, width: 1, points: { show: false } };
    series.push(edge, edge);
  }
  const axis: uPlot.Axis = { stroke: ink, font: FONT, ticks: { show: false } };
  return {
    padding: [10, labelRoom(data(), width), 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: "serin", setSeries: false },
      drag: { x: false, y: false },
      y: false,
      points: { show: false },
    },
    scales: {
      x: { time: true, range: () => [data().from / 1000, data().to / 1000] },
      y: { range: () => [0, topOf(data(), text.leastTop)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        border: { show: true, stroke: faint, width: 1 },
        splits: (plot, _axis, from, to) => timesBetween(from, to, plot.bbox.width / devicePixelRatio),
        size: 26,
        gap: 6,
        values: (_, splits) => splits.map((at) => axisClock(at * 1000)),
      },
      {
        ...axis,
        grid: { stroke: grid, width: 1 },
        space: 32,
        size: 48,
        gap: 6,
        values: (_, splits) => splits.map((value) => (text.axis ?? text.format)(value)),
      },
    ],
    series,
    bands,
    hooks: { draw: [(plot) => drawEnds(plot, data())], setCursor: [onPoint] },
  };
}

/** Seconds from one label to the next. */
const TIME_STEPS: readonly number[] = [
  ...[5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800],
];
const LABEL_WIDTH = 62;
const LEAST_LABELS = 3;

/** Where the time scale has labels, in unix seconds: as many as there is room for, three at least. */
export function timesBetween(from: number, to: number, width: number): number[] {
  const at = (step: number): number[] => {
    // Whole steps of the clock that people read, which may be half an hour off of UTC.
    const shift = new Date(from * 1000).getTimezoneOffset() * 60;
    const first = Math.ceil((from - shift) / step) * step + shift;
    return Array.from(
      { length: Math.max(0, Math.floor((to - first) / step) + 1) },
      (_, i) => first + i * step,
    );
  };
  const most = Math.max(LEAST_LABELS, Math.floor(width / LABEL_WIDTH));
  const fitting = TIME_STEPS.map(at).filter((times) => times.length >= LEAST_LABELS);
  return fitting.find((times) => times.length <= most) ?? fitting.at(-1) ?? [];
}

function axisClock(at: number): string {
  const time = new Date(at);
  const digits = (value: number): string => String(value).padStart(2, "0");
  const seconds = time.getSeconds();
  return `${digits(time.getHours())}:${digits(time.getMinutes())}${seconds === 0 ? "" : `:${digits(seconds)}`}`;
}

function topOf({ lines }: ChartData, least: number): number {
  let highest = 0;
  for (const { values } of lines) for (const value of values) highest = Math.max(highest, value ?? 0);
  for (const { band } of lines) highest = Math.max(highest, usual(band?.upper ?? []));
  return Math.max(least, highest * 1.08);
}

/** A band is wide while there is little traffic: such moments may leave the picture rather than flatten all others. */
function usual(values: readonly (number | null)[]): number {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.6)] ?? 0;
}

/** A narrow plot keeps its room for lines and times: the legend names them. */
const NARROW = 340;

function labelRoom({ lines }: ChartData, width: number): number {
  if (width < NARROW) return 12;
  const longest = Math.max(0, ...lines.map(({ name, end }) => (end === "name" ? shortened(name).length : 0)));
  return longest === 0 ? 12 : 18 + longest * 6.6;
}

function shortened(name: string): string {
  return name.length > LONGEST_LABEL ? `${name.slice(0, LONGEST_LABEL - 1)}…` : name;
}

/** Mark and name at the end of each line, pushed apart where they would lie upon each other. */
function drawEnds(plot: uPlot, { lines, times }: ChartData): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const ends = lines.flatMap((line) => {
    if (line.end === "none") return [];
    const at = line.values.findLastIndex((value) => value !== null);
    const value = line.values[at];
    if (at < 0 || value === null || value === undefined) return [];
    const x = plot.valToPos((times[at] ?? 0) / 1000, "x", true);
    const y = Math.max(bbox.top, plot.valToPos(value, "y", true));
    return [{ line, x, y, labelY: y }];
  });
  const isNarrow = plot.width < NARROW;
  const named = ends.filter(({ line }) => line.end === "name" && !isNarrow);
  spread(named, LABEL_HEIGHT * scale, bbox.top, bbox.top + bbox.height);
  ctx.save();
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.font = LABEL_FONT.replace("11px", `${11 * scale}px`);
  const paper = colorNow("--card");
  for (const { line, x, y, labelY } of ends) {
    const color = colorNow(line.mark.color);
    const shape = new Path2D(shapePath(line.mark.shape, x, y, MARK_RADIUS * scale));
    ctx.lineWidth = 3 * scale;
    ctx.strokeStyle = paper;
    ctx.stroke(shape);
    ctx.fillStyle = color;
    ctx.fill(shape);
    if (line.end === "name" && !isNarrow)
      ctx.fillText(shortened(line.name), bbox.left + bbox.width + 9 * scale, labelY);
  }
  ctx.restore();
}

function spread(ends: { labelY: number }[], apart: number, top: number, bottom: number): void {
  const sorted = [...ends].sort((a, b) => a.labelY - b.labelY);
  let least = top;
  for (const end of sorted) {
    end.labelY = Math.max(end.labelY, least);
    least = end.labelY + apart;
  }
  let most = bottom;
  for (const end of sorted.reverse()) {
    end.labelY = Math.min(end.labelY, most);
    most = end.labelY - apart;
  }
}
