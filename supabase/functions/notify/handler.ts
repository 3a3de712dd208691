// One webhook of the database is one row of the outbox: claim it, send it, settle it.
//
// The webhook carries an id and nothing else. Who forges or repeats one gains nothing: the row is
// claimed once, and only while it is due. What answers no here is posted again by api.nudge_edge.

import type { Claim, Outcome } from "./claim.ts";
import { QueueError } from "./rpc.ts";

const BODY_BYTES = 65_536;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface Parts {
  /** What the database sends in x-stopward-webhook-secret. */
  readonly webhookSecret: string;
  readonly queue: {
    claim(id: string, holder: string): Promise<Claim | null>;
    settle(id: string, holder: string, outcome: Outcome): Promise<string>;
  };
  readonly send: (claim: Claim) => Promise<Outcome>;
  /** Name of one call, of which there is no other. */
  readonly newHolder: () => string;
  readonly log: (event: Record<string, unknown>) => void;
}

export function makeHandler(parts: Parts): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== "POST") return answer(405, { error: "POST only" });
    const told = request.headers.get("x-stopward-webhook-secret") ?? "";
    if (!await isSame(told, parts.webhookSecret)) return answer(401, { error: "unknown caller" });
    const id = rowOf(await bodyOf(request));
    if (id === null) return answer(400, { error: "no insert into stopward.outbox" });
    try {
      return answer(200, { id, status: await deliver(id, parts) });
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      parts.log({ message: "outbox_unavailable", id, error: error.message });
      return answer(502, { id, error: "the database gave no usable answer" });
    }
  };
}

async function deliver(id: string, parts: Parts): Promise<string> {
  const holder = parts.newHolder();
  const claim = await parts.queue.claim(id, holder);
  if (claim === null) return "not_due";
  const outcome = await parts.send(claim);
  const status = await parts.queue.settle(id, holder, outcome);
  parts.log({
    message: "notice_sent",
    id,
    channel: claim.channel,
    kind: claim.kind,
    attempt: claim.attempt,
    outcome: outcome.outcome,
    status,
  });
  return status;
}

async function bodyOf(request: Request): Promise<unknown> {
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES) {
    await request.body?.cancel();
    return null;
  }
  const text = await request.text();
  try {
    return text.length > BODY_BYTES ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function rowOf(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  const { type, schema, table, record } = body as Record<string, unknown>;
  if (type !== "INSERT" || schema !== "stopward" || table !== "outbox") return null;
  if (typeof record !== "object" || record === null) return null;
  const { id } = record as Record<string, unknown>;
  return typeof id === "string" && UUID.test(id) ? id : null;
}

/** Compare digests, every byte of them: how long it takes tells nothing of the secret. */
export async function isSame(told: string, expected: string): Promise<boolean> {
  const [a, b] = await Promise.all([told, expected].map(async (text) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return new Uint8Array(digest);
  }));
  let difference = expected === "" ? 1 : 0;
  a?.forEach((byte, place) => difference |= byte ^ (b?.[place] ?? 0));
  return difference === 0;
}

function answer(status: number, body: Record<string, unknown>): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}
