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

export interface Load {
  readonly count: number;
  /** The bytes of the n-th request, whole; see `request` of wire.ts. */
  readonly requestOf: (n: number) => string;
  /** So many a second, whatever the answers do; as fast as they are answered unless said. */
  readonly perSecond?: number;
}

/** Connections that are used again, from one load to the next. */
export class KeptConnections {
  readonly #idle: KeptConnection[] = [];
  readonly #opened = new Set<KeptConnection>();

  constructor(
    private readonly port: number,
    private readonly most: number,
  ) {}

  /** Sends requests and waits for the last answer. One load at a time. */
  async load({ count, requestOf, perSecond }: Load): Promise<LoadResult> {
    const times: number[] = [];
    const failures: string[] = [];
    let next = 0;
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const begin = performance.now();
    const isDue = (): boolean =>
      next < count && (perSecond === undefined || performance.now() - begin >= (next * 1000) / perSecond);
    const pump = (): void => {
      while (isDue()) {
        const connection = this.#idle.pop() ?? this.#open();
        if (connection === null) return;
        if (!connection.isOpen) {
          this.#opened.delete(connection);
          continue;
        }
        connection.send(requestOf(next++), (failure, ms) => {
          if (failure === null) times.push(ms);
          else failures.push(failure);
          if (connection.isOpen) this.#idle.push(connection);
          else this.#opened.delete(connection);
          if (times.length + failures.length === count) finish();
          else pump();
        });
      }
    };
    const clock = perSecond === undefined ? null : setInterval(pump, 1);
    pump();
    if (count > 0) await finished;
    if (clock !== null) clearInterval(clock);
    return { times, failures };
  }

  close(): void {
    for (const connection of this.#opened) connection.close();
    this.#opened.clear();
    this.#idle.length = 0;
  }

  #open(): KeptConnection | null {
    if (this.#opened.size >= this.most) return null;
    const connection = new KeptConnection(this.port);
    this.#opened.add(connection);
    return connection;
  }
}

type OnAnswer = (failure: string | null, ms: number) => void;

/** One request at a time; answers have a content-length or no body. */
class KeptConnection {
  readonly #socket: Socket;
  #rest = "";
  /** Bytes of the answer, once its head is there. */
  #length = 0;
  #sentAt = 0;
  #onAnswer: OnAnswer | null = null;
  isOpen = true;

  constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (piece) => this.#take(piece));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => this.#end("the connection ended"));
  }

  send(bytes: string, onAnswer: OnAnswer): void {
    this.#onAnswer = onAnswer;
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
    this.#tell(status === "200" ? null : `status ${status}`);
  }

  #end(why: string): void {
    this.isOpen = false;
    this.#tell(why);
  }

  #tell(failure: string | null): void {
    const tell = this.#onAnswer;
    this.#onAnswer = null;
    tell?.(failure, performance.now() - this.#sentAt);
  }
}
