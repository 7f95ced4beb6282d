// Serves the length of the secret that it reads from its file.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const value = (name) =>
  process.argv
    .find((argument) => argument.startsWith(`--${name}=`))
    ?.split("=")
    .slice(1)
    .join("=");
const password = readFileSync(value("password-file") ?? "", "utf8");
createServer((_, response) => response.end(`${password.length}\n`)).listen(Number(value("port")), "127.0.0.1");
