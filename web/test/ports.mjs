// Ports for servers that have to know each other's before they start, or come back to theirs.
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";

// Below those that systems give to connections: a browser's connection could take one of
// these before the server listens at it, or while the server is away.
const lowest = 10_000, ports = 20_000;

/** A port of 127.0.0.1 that nobody listens at, and that no connection takes meanwhile. */
export async function freePort() {
  for (let tries = 0; tries < 1000; tries++) {
    const port = lowest + Math.floor(Math.random() * ports);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${lowest} and ${lowest + ports}`);
}

/** Whether a server could listen at a port. @param {number} port */
export function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer().once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

/** An address that other machines know this one by, if it has one. */
export const lan = () => Object.values(networkInterfaces()).flat().find((each) => each?.family === "IPv4" && !each.internal)?.address;
