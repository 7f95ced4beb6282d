import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { eventually } from "@triplane/testkit";
import { Link } from "./link.ts";

/** Answers each line with the same line in capitals, and keeps what it got. */
class Echo {
  readonly got: string[] = [];
  readonly #server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      this.got.push(bytes.toString("utf8"));
      socket.write(bytes.toString("utf8").toUpperCase());
    });
  });

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
  }
}

class Caller {
  heard = "";
  ended: "open" | "closed" | "reset" = "open";
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port });
    this.socket.on("data", (bytes) => {
      this.heard += bytes.toString("utf8");
    });
    this.socket.on("error", (error) => {
      if ("code" in error && error.code === "ECONNRESET") this.ended = "reset";
    });
    this.socket.on("close", () => {
      if (this.ended === "open") this.ended = "closed";
    });
  }

  hears(text: string): Promise<unknown> {
    return eventually(() => this.heard === text, { what: `hearing ${JSON.stringify(text)} (heard ${JSON.stringify(this.heard)})` });
  }
}

describe("Link", () => {
  const echo = new Echo();
  let link: Link;
  before(async () => {
    link = await Link.open("test", await echo.listen());
  });
  after(async () => {
    await link.close();
    echo.close();
  });

  it("carries bytes both ways", async () => {
    const caller = new Caller(link.port);
    caller.socket.write("a\n");
    await caller.hears("A\n");
    caller.socket.destroy();
  });

  it("cut: holds back both ways, for connections that are open and new ones; heal: everything arrives, in order", async () => {
    const open = new Caller(link.port);
    open.socket.write("1\n");
    await open.hears("1\n");
    link.cut(["up", "down"]);
    const late = new Caller(link.port);
    const before = echo.got.length;
    open.socket.write("b\n");
    await once(late.socket, "connect");
    late.socket.write("c\n");
    // Something that passes another link shows that time went by for this one, too.
    const bystander = new Echo();
    const other = await Link.open("other", await bystander.listen());
    const passer = new Caller(other.port);
    passer.socket.write("x\n");
    await passer.hears("X\n");
    assert.equal(echo.got.length, before);
    link.heal();
    await open.hears("1\nB\n");
    await late.hears("C\n");
    passer.socket.destroy();
    await other.close();
    bystander.close();
    open.socket.destroy();
    late.socket.destroy();
  });

  it("cut down: the request arrives, its answer only when the link is healed", async () => {
    const caller = new Caller(link.port);
    await once(caller.socket, "connect");
    link.cut(["down"]);
    caller.socket.write("d\n");
    await eventually(() => echo.got.includes("d\n"));
    assert.equal(caller.heard, "");
    link.heal();
    await caller.hears("D\n");
    caller.socket.destroy();
  });

  it("delay: pieces arrive in order, whatever delay each one drew", async () => {
    const caller = new Caller(link.port);
    const delays = [30, 0, 15, 0];
    link.delay(() => delays.shift() ?? 0);
    for (const text of ["a", "b", "c"]) {
      caller.socket.write(text);
      await eventually(() => caller.socket.bytesWritten >= "abc".indexOf(text) + 1);
    }
    await caller.hears("ABC");
    link.heal();
    caller.socket.destroy();
  });

  it("reset: ends what is open; refuse: lets nobody in until it is healed", async () => {
    const open = new Caller(link.port);
    open.socket.write("e\n");
    await open.hears("E\n");
    link.refuse();
    await eventually(() => open.ended !== "open");
    const refused = new Caller(link.port);
    await eventually(() => refused.ended !== "open");
    link.heal();
    const again = new Caller(link.port);
    again.socket.write("f\n");
    await again.hears("F\n");
    again.socket.destroy();
  });

  it("passes an end on, and forgets the connection", async () => {
    const caller = new Caller(link.port);
    caller.socket.write("g\n");
    await caller.hears("G\n");
    caller.socket.end();
    await eventually(() => caller.ended === "closed");
  });
});
