// A reader of the dashboard's events.

import { request, type ClientRequest } from "node:http";

import { EVENTS_PATH } from "../../tools/dashboard/server.ts";
import type { HistoryMessage, StateMessage } from "../../tools/dashboard/wire.ts";

export interface EventStream {
  readonly history: Promise<HistoryMessage>;
  /** The next state of which this is true. */
  until(isSo: (state: StateMessage) => boolean): Promise<StateMessage>;
  /** Resolves when the server has ended it. */
  readonly ended: Promise<void>;
  close(): void;
}

/** The watch rests nineteen times as long as a reading took: a busy machine is waited for. */
const DEADLINE_MS = 60_000;

/** `headers` say who asks, as a browser does. */
export function openEvents(url: string, headers: Readonly<Record<string, string>> = {}): EventStream {
  const listeners = new Set<(event: string, data: string) => void>();
  let latest = "none";
  let sent: ClientRequest | null = null;
  const ended = new Promise<void>((resolve) => {
    sent = request(new URL(EVENTS_PATH, url), { headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const [, event = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
          text = text.slice(end + 2);
          if (event === "state") latest = data;
          for (const listener of listeners) listener(event, data);
        }
      });
      response.on("error", () => undefined).on("close", resolve);
    });
    sent.on("error", () => resolve()).end();
  });
  const wait = <Message>(event: string, isSo: (message: Message) => boolean): Promise<Message> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`no such event; the last state is ${latest.slice(0, 2000)}`)),
        DEADLINE_MS,
      );
      const listener = (found: string, data: string): void => {
        const message = found === event ? (JSON.parse(data) as Message) : null;
        if (message === null || !isSo(message)) return;
        clearTimeout(late);
        listeners.delete(listener);
        resolve(message);
      };
      listeners.add(listener);
    });
  const history = wait<HistoryMessage>("history", () => true);
  history.catch(() => undefined);
  return { history, until: (isSo) => wait("state", isSo), ended, close: () => sent?.destroy() };
}
