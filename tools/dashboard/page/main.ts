// The page: listens to the server and shows what it says.

import "uplot/dist/uPlot.min.css";
import "./page.css";

import type { EndpointState, HistoryMessage, RangeName, StateMessage } from "../wire.ts";
import { byId, element, reconcile, setAttribute, setText } from "./elements.ts";
import { History } from "./history.ts";
import { RolloutView } from "./rollout-view.ts";
import { ShadowView } from "./shadow-view.ts";
import { clock, duration } from "./words.ts";

const history = new History();
const rollouts = new Map<string, RolloutView>();
const shadows = new Map<string, ShadowView>();
const decisions = new Map<string, string>();
let state: StateMessage | null = null;
let range: RangeName = "5m";
let isConnected = false;

const events = new EventSource("/events");
events.addEventListener("history", (event) => {
  isConnected = true;
  history.replace(JSON.parse((event as MessageEvent<string>).data) as HistoryMessage);
});
events.addEventListener("state", (event) => {
  state = JSON.parse((event as MessageEvent<string>).data) as StateMessage;
  history.add(state);
  show();
});
events.addEventListener("error", () => {
  isConnected = false;
  showTrouble();
  // A browser gives up after an answer that is no stream: a server with too many viewers, say.
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10_000);
});

for (const input of Array.from(document.querySelectorAll<HTMLInputElement>("input[name=range]"))) {
  // A browser that goes back to the page keeps what was chosen.
  if (input.checked) range = input.value as RangeName;
  input.addEventListener("change", () => {
    range = input.value as RangeName;
    show();
  });
}
document.addEventListener("visibilitychange", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const view of [...rollouts.values(), ...shadows.values()]) view.restyle();
});

function show(): void {
  showTrouble();
  if (state === null || document.hidden) return;
  const { rollouts: ofRollouts, shadows: ofShadows, endpoints } = state;
  const view = history.view(range, state.at);
  const names = <State extends { readonly name: string }>(all: readonly State[]): string[] =>
    all.map(({ name }) => name);
  reconcile(byId("rollouts"), rollouts, names(ofRollouts), (name) => new RolloutView(name));
  reconcile(byId("shadows"), shadows, names(ofShadows), (name) => new ShadowView(name));
  for (const each of ofRollouts) rollouts.get(each.name)?.show(each, view);
  for (const each of ofShadows) shadows.get(each.name)?.show(each, view);
  showEndpoints(endpoints);
  const isEmpty = ofRollouts.length + ofShadows.length === 0;
  byId("empty").hidden = !isEmpty;
  setText(
    byId("empty"),
    endpoints.some(({ failure }) => failure === null)
      ? "Serin has counted nothing there yet: no policy with a rollout or a shadow is loaded."
      : "Waiting for the first answer.",
  );
  setText(byId("window"), `Each point tells of the ${duration(view.windowMs / 1000)} before it.`);
  document.title = titleOf(state);
  announce(state);
}

function titleOf({ rollouts: all }: StateMessage): string {
  const failing = all.filter(({ decision }) => decision === "fail").map(({ name }) => name);
  return failing.length > 0 ? `✕ ${failing.join(", ")} – Serin` : "Serin";
}

function showEndpoints(endpoints: readonly EndpointState[]): void {
  const list = byId("endpoints");
  while (list.children.length > endpoints.length) list.lastElementChild?.remove();
  endpoints.forEach(({ name, failure }, index) => {
    const item = list.children[index] ?? list.appendChild(element("li"));
    setAttribute(item, "data-answers", String(failure === null));
    setText(item, `${name.replace(/^https?:\/\//, "")} ${failure === null ? "answers" : "does not answer"}`);
  });
}

function showTrouble(): void {
  const failing = (state?.endpoints ?? []).filter(({ failure }) => failure !== null);
  const lines = isConnected
    ? failing.map(({ name, failure, since }) => {
        const why = (failure ?? "").replace(`${name}/`, "/");
        return `${name} does not answer since ${clock(since)}, and is asked again and again. ${why}`;
      })
    : state === null
      ? []
      : [`serin dashboard has ended or cannot be reached: what is shown is of ${clock(state.at)}.`];
  const unwatched = state?.unwatched ?? 0;
  if (unwatched > 0) lines.push(`${unwatched} more are not shown: --rollout names one to see.`);
  const trouble = byId("trouble");
  trouble.hidden = lines.length === 0;
  setText(trouble, lines.join(" "));
}

/** Says a verdict that has changed, once, to those who listen. */
function announce({ rollouts: all }: StateMessage): void {
  for (const { name, decision, reason } of all) {
    const before = decisions.get(name);
    decisions.set(name, decision);
    if (before === undefined || before === decision) continue;
    setText(byId("announcements"), `${name}: ${decision}. ${reason}`);
  }
}
