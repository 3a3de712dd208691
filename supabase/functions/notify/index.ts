// Deliver notices to the channels whose deliverer is the edge function; see docs/notifications.md.

import { makeHandler } from "./handler.ts";
import { Queue } from "./rpc.ts";
import { send } from "./send.ts";
import { readSettings } from "./settings.ts";

const TIMEOUT_MILLISECONDS = 10_000;

const settings = readSettings((name) => Deno.env.get(name));

Deno.serve(makeHandler({
  webhookSecret: settings.webhookSecret,
  queue: new Queue(settings.projectUrl, settings.secretKey),
  send: (claim) =>
    send(claim, {
      mayBeLoopback: settings.mayBeLoopback,
      timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    }),
  newHolder: () => `edge-${crypto.randomUUID()}`,
  // deno-lint-ignore no-console -- one structured line a notice is what the host collects
  log: (event) => console.log(JSON.stringify(event)),
}));
