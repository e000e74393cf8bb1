// Many requests with little work of our own, at full speed or at a fixed rate, each with its time: for tests and benches
// whose load has to be the proxy's and not the client's.

import { connect, type Socket } from "node:net";

/** What became of some requests. */
export interface LoadResult {
  /** Milliseconds from a request's last byte to its answer's, in no order; those that failed are left out. */
  readonly times: readonly number[];
  /** Why requests failed: a status that is not 200, or the connection's end. */
  readonly failures: readonly string[];
}

export interface LoadOptions {
  readonly port: number;
  readonly count: number;
  /** The bytes of the n-th request, whole; see `request` of wire.ts. */
  readonly requestOf: (n: number) => string;
  readonly connections?: number;
  /** So many a second, whatever the answers do; as fast as they are answered unless said. */
  readonly perSecond?: number;
}

export async function load(options: LoadOptions): Promise<LoadResult> {
  const { port, count, requestOf, connections = 16, perSecond } = options;
  const times: number[] = [];
  const failures: string[] = [];
  const idle: KeptConnection[] = [];
  const opened: KeptConnection[] = [];
  let next = 0;
  let over = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));

  const due = (): boolean => {
    if (next >= count) return false;
    return perSecond === undefined || performance.now() - begin >= (next * 1000) / perSecond;
  };
  const pump = (): void => {
    while (due()) {
      const connection = idle.pop() ?? (opened.length < connections ? open() : null);
      if (connection === null) return;
      connection.send(requestOf(next++));
    }
  };
  const open = (): KeptConnection => {
    const connection = new KeptConnection(port, (failure, ms) => {
      if (failure === null) times.push(ms);
      else failures.push(failure);
      if (connection.isOpen) idle.push(connection);
      else opened.splice(opened.indexOf(connection), 1);
      if (++over === count) finish();
      else pump();
    });
    opened.push(connection);
    return connection;
  };
  const begin = performance.now();
  const clock = perSecond === undefined ? null : setInterval(pump, 1);
  pump();
  if (count > 0) await finished;
  if (clock !== null) clearInterval(clock);
  for (const connection of opened) connection.close();
  return { times, failures };
}

/** One request at a time; answers have a content-length or no body. */
class KeptConnection {
  readonly #socket: Socket;
  #rest = "";
  /** Bytes of the answer, once its head is there. */
  #length = 0;
  #sentAt = 0;
  #isWaiting = false;
  isOpen = true;

  constructor(
    port: number,
    private readonly onAnswer: (failure: string | null, ms: number) => void,
  ) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (piece) => this.#take(piece));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => this.#end("the connection ended"));
  }

  send(bytes: string): void {
    this.#isWaiting = true;
    this.#sentAt = performance.now();
    this.#socket.write(bytes, "latin1");
  }

  close(): void {
    this.isOpen = false;
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    this.#rest += piece.toString("latin1");
    if (this.#length === 0) {
      const head = this.#rest.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.#rest.slice(0, head + 2));
      this.#length = head + 4 + Number(length?.[1] ?? 0);
    }
    if (this.#rest.length < this.#length) return;
    const status = this.#rest.slice(9, 12);
    this.#rest = "";
    this.#length = 0;
    this.#isWaiting = false;
    this.onAnswer(status === "200" ? null : `status ${status}`, performance.now() - this.#sentAt);
  }

  #end(why: string): void {
    this.isOpen = false;
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.onAnswer(why, 0);
  }
}
