// One question to the node's control socket: a JSON line there, a JSON line back.
import { connect } from "node:net";

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** The node's answer. Rejects where none comes in time, or where it is an error. */
export function ask(socketPath, command, deadlineMs = 5_000) {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let text = "";
    const end = (settle, value) => {
      clearTimeout(timer);
      socket.destroy();
      settle(value);
    };
    const timer = setTimeout(
      () => end(reject, new Error(`the node did not answer ${command.command} within ${deadlineMs} ms`)),
      deadlineMs,
    );
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(`${JSON.stringify(command)}\n`));
    socket.on("error", (error) => end(reject, error));
    socket.on("close", () => end(reject, new Error(`the node answered nothing to ${command.command}`)));
    socket.on("data", (chunk) => {
      text += chunk;
      const line = text.indexOf("\n");
      if (line < 0 && text.length <= MAX_ANSWER_BYTES) return;
      try {
        const answer = JSON.parse(text.slice(0, line));
        if (answer !== null && typeof answer === "object" && "error" in answer) end(reject, new Error(String(answer.error)));
        else end(resolve, answer);
      } catch (error) {
        end(reject, error);
      }
    });
  });
}
