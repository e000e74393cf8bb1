// Figures from counts: instructions a request, over no filter, as ratios to the Lua filter and to the first build.

import Table from "cli-table3";
import { median } from "simple-statistics";

import { FAMILIES, type Cost, type Family } from "./callgrind.ts";
import type { Bound } from "./instruction-options.ts";
import type { Listener } from "./instruction-ways.ts";

/** A listener, and the cost of one request in each of its blocks. */
export interface Measured {
  readonly listener: Listener;
  readonly blocks: readonly Cost[];
}

/** Instructions of a request of one way; medians of the blocks. */
export interface Figure {
  readonly name: string;
  readonly note: string;
  readonly instructions: number;
  /** The largest block less the smallest. */
  readonly spread: number;
  /** Over no filter. */
  readonly added: number;
  /** `added` over what the Lua filter adds; null if that was not measured. */
  readonly toLua: number | null;
  /** `added` over what the same way adds with the first build; null for the first build, and for ways without Serin. */
  readonly toFirst: number | null;
  /** `added`, by where it is spent. */
  readonly families: Readonly<Record<Family, number>>;
}

/** `idle`: instructions of an idle Envoy in a second. `seconds`: how long the block took. */
export function costOfRequest(block: Cost, idle: Cost, seconds: number, requests: number): Cost {
  const each = (of: (cost: Cost) => number): number => (of(block) - of(idle) * seconds) / requests;
  return {
    total: each(({ total }) => total),
    families: familiesBy((family) => each(({ families }) => families[family])),
  };
}

/** @throws Error if no-filter was not measured */
export function figuresOf(all: readonly Measured[]): Figure[] {
  const middle = new Map(all.map(({ listener, blocks }) => [listener.name, middleOf(blocks)]));
  const floor = middle.get("no-filter");
  if (floor === undefined) throw new Error("without no-filter there is nothing to compare with");
  const addedOf = (name: string): number | null => {
    const cost = middle.get(name);
    return cost === undefined ? null : cost.total - floor.total;
  };
  const lua = addedOf("lua");
  return all.map(({ listener, blocks }) => {
    const { name, way, build } = listener;
    const cost = middle.get(name) as Cost;
    const added = cost.total - floor.total;
    const first = all.find((other) => other.listener.way.name === way.name)?.listener as Listener;
    const firstAdded = build === null || first.build === build ? null : addedOf(first.name);
    const totals = blocks.map(({ total }) => total);
    return {
      name,
      note: way.note,
      instructions: cost.total,
      spread: Math.max(...totals) - Math.min(...totals),
      added,
      toLua: lua === null || name === "no-filter" ? null : added / lua,
      toFirst: firstAdded === null ? null : added / firstAdded,
      families: familiesBy((family) => cost.families[family] - floor.families[family]),
    };
  });
}

function middleOf(blocks: readonly Cost[]): Cost {
  return {
    total: median(blocks.map(({ total }) => total)),
    families: familiesBy((family) => median(blocks.map(({ families }) => families[family]))),
  };
}

function familiesBy(of: (family: Family) => number): Record<Family, number> {
  return Object.fromEntries(FAMILIES.map((family) => [family, of(family)])) as Record<Family, number>;
}

/** A sentence for each bound that is exceeded, or that names a way that was not measured. */
export function faultsOf(figures: readonly Figure[], bounds: readonly Bound[]): string[] {
  return bounds.flatMap((bound) => {
    const meant = figures.filter(({ name }) => isMeant(name, bound.name));
    if (meant.length === 0) return [`--at-most ${bound.text}: ${bound.name} was not measured`];
    return meant.flatMap((figure) => {
      const other = otherOf(figures, figure.name, bound.other);
      if (other === undefined) return [`--at-most ${bound.text}: ${bound.other} was not measured`];
      const most = other.added * bound.factor + bound.more;
      if (figure.added <= most) return [];
      return [
        `${figure.name} adds ${thousands(figure.added)}k instructions to no filter, more than ${thousands(most)}k (--at-most ${bound.text})`,
      ];
    });
  });
}

function isMeant(name: string, choice: string): boolean {
  return name === choice || name.endsWith(`/${choice}`);
}

/** `other` of the same build as `name`; else, with a label of its own or without Serin, as it is. */
function otherOf(figures: readonly Figure[], name: string, other: string): Figure | undefined {
  const label = name.slice(0, name.lastIndexOf("/") + 1);
  return (
    figures.find((figure) => figure.name === `${label}${other}`) ??
    figures.find((figure) => figure.name === other)
  );
}

export function tableOf(figures: readonly Figure[], firstLabel: string | null): string {
  const columns = [
    "way",
    "k instructions",
    "spread",
    "over no filter",
    "to Lua",
    ...(firstLabel === null ? [] : [`to ${firstLabel}`]),
    ...FAMILIES,
    "",
  ];
  const table = new Table({
    head: columns,
    colAligns: ["left", ...columns.slice(2).map(() => "right" as const), "left"],
    style: { head: [], border: [] },
  });
  const ratio = (value: number | null): string => value?.toFixed(3) ?? "";
  for (const { name, note, instructions, spread, added, toLua, toFirst, families } of figures) {
    const isFloor = name === "no-filter";
    table.push([
      name,
      thousands(instructions),
      thousands(spread),
      isFloor ? "" : thousands(added),
      ratio(toLua),
      ...(firstLabel === null ? [] : [ratio(toFirst)]),
      ...FAMILIES.map((family) => (isFloor ? "" : thousands(families[family]))),
      note,
    ]);
  }
  return table.toString();
}

function thousands(instructions: number): string {
  return (instructions / 1000).toFixed(2);
}
