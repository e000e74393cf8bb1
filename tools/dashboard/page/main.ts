// The page: listens to the server and shows what it says.

import "uplot/dist/uPlot.min.css";
import "./page.css";

import type { EndpointState, HistoryMessage, RangeName, RolloutState, StateMessage } from "../wire.ts";
import { byId, element, reconcile, setAttribute, setText } from "./elements.ts";
import { History } from "./history.ts";
import { IndexList, MANY, sorted, wordOf } from "./index-list.ts";
import { RolloutView } from "./rollout-view.ts";
import { ShadowView } from "./shadow-view.ts";
import { clock, duration } from "./words.ts";

const history = new History();
const rollouts = new Map<string, RolloutView>();
const shadows = new Map<string, ShadowView>();
const decisions = new Map<string, string>();
const index = new IndexList();
const isNarrow = matchMedia("(max-width: 1180px)");
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
  const { shadows: ofShadows, endpoints } = state;
  const ofRollouts = sorted(state.rollouts);
  const view = history.view(range, state.at);
  const names = <State extends { readonly name: string }>(all: readonly State[]): string[] =>
    all.map(({ name }) => name);
  const isMany = ofRollouts.length + ofShadows.length >= MANY;
  const unfolded = unfoldedOf(ofRollouts, isMany);
  reconcile(byId("rollouts"), rollouts, names(ofRollouts), (name) => {
    return new RolloutView(name, !isMany || name === unfolded);
  });
  reconcile(byId("shadows"), shadows, names(ofShadows), (name) => new ShadowView(name, !isMany));
  for (const each of ofRollouts) rollouts.get(each.name)?.show(each, view);
  for (const each of ofShadows) shadows.get(each.name)?.show(each, view);
  index.show(ofRollouts, ofShadows);
  showEndpoints(endpoints);
  const isEmpty = ofRollouts.length + ofShadows.length === 0;
  byId("empty").hidden = !isEmpty;
  setText(
    byId("empty"),
    endpoints.some(({ failure }) => failure === null)
      ? "Serin has counted nothing there yet: no policy with a rollout or a shadow is loaded."
      : "Waiting for the first answer.",
  );
  setText(byId("window"), `Each point covers the ${duration(view.windowMs / 1000)} before it.`);
  document.title = titleOf(state);
  announce(state);
}

/** Of many, the first that fails: what somebody has come to look at. On a narrow page it alone would fill most of three screens. */
function unfoldedOf([first]: readonly RolloutState[], isMany: boolean): string | null {
  return isMany && !isNarrow.matches && first?.decision === "fail" ? first.name : null;
}

/** What a link of the index names is unfolded. */
function follow(): void {
  const [kind = "", ...rest] = decodeURIComponent(location.hash.slice(1)).split("-");
  const name = rest.join("-");
  const view = kind === "rollout" ? rollouts.get(name) : shadows.get(name);
  if (view === undefined) return;
  view.unfold();
  view.root.scrollIntoView();
}
window.addEventListener("hashchange", follow);
byId("index").addEventListener("click", (event) => {
  // The same link twice changes no hash.
  if (event.target instanceof Element && event.target.closest("a")?.hash === location.hash) follow();
});

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
    setText(item, `${name.replace(/^https?:\/\//, "")} ${failure === null ? "connected" : "unreachable"}`);
  });
}

function showTrouble(): void {
  const failing = (state?.endpoints ?? []).filter(({ failure }) => failure !== null);
  const lines = isConnected
    ? failing.map(({ name, failure, since }) => {
        const why = (failure ?? "").replace(`${name}/`, "/");
        return `${name} is unreachable since ${clock(since)}, retrying every second. ${why}`;
      })
    : state === null
      ? []
      : [`serin dashboard has ended or cannot be reached: what is shown is from ${clock(state.at)}.`];
  const unwatched = state?.unwatched ?? 0;
  if (unwatched > 0)
    lines.push(
      `${unwatched} more are not shown: start serin dashboard with --rollout NAME to see one of them.`,
    );
  const trouble = byId("trouble");
  trouble.hidden = lines.length === 0;
  setText(trouble, lines.join(" "));
}

/** Says a verdict that has changed, once, to those who listen. */
function announce({ rollouts: all }: StateMessage): void {
  for (const each of all) {
    const { name, reason } = each;
    const decision = wordOf(each);
    const before = decisions.get(name);
    decisions.set(name, decision);
    if (before === undefined || before === decision) continue;
    setText(byId("announcements"), `${name}: ${decision}. ${reason}`);
  }
}
