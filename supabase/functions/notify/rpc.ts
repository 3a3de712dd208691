// The queue over PostgREST: functions of schema api, called with the project's secret key.

import { type Claim, type Outcome, readClaim } from "./claim.ts";

const TIMEOUT_MILLISECONDS = 10_000;
const CLAIM_SECONDS = 90;
const KEY_PREFIX = "sb_";

/** The database gave no usable answer. */
export class QueueError extends Error {
  override name = "QueueError";
}

export class Queue {
  readonly #url: string;
  readonly #key: string;

  /** url: of the project; key: its secret key, or the older service role's. */
  constructor(url: string, key: string) {
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
  }

  /** Claim exactly this row, for longer than this function can live; null when it is not due. */
  async claim(id: string, holder: string): Promise<Claim | null> {
    const answer = await this.#call("claim_outbox", {
      deliverer: "edge",
      holder,
      id,
      limit: 1,
      seconds: CLAIM_SECONDS,
    });
    const rows = answer.claims;
    if (!Array.isArray(rows)) throw new QueueError("claim_outbox: no claims in the answer");
    return rows.length === 0 ? null : readClaim(rows[0]);
  }

  /** Say what came of a claim; return the status after it. */
  async settle(id: string, holder: string, outcome: Outcome): Promise<string> {
    const request = { id, holder, ...outcome };
    let answer;
    try {
      answer = await this.#call("settle_delivery", request);
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      // Once more: what is lost here is sent again, and a chat shows it twice.
      answer = await this.#call("settle_delivery", request);
    }
    return String(answer.status);
  }

  async #call(name: string, request: Record<string, unknown>): Promise<Record<string, unknown>> {
    let answer: Response;
    try {
      answer = await fetch(`${this.#url}/rest/v1/rpc/${name}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "content-profile": "api",
          "apikey": this.#key,
          ...bearer(this.#key),
        },
        body: JSON.stringify({ request }),
        signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
      });
      if (answer.ok) return await answer.json();
    } catch (error) {
      throw new QueueError(`${name}: ${error instanceof Error ? error.name : "no answer"}`);
    }
    await answer.body?.cancel();
    throw new QueueError(`${name}: answered ${answer.status}`);
  }
}

/** Only a JWT is a bearer token: PostgREST rejects any other, and `sb_...` keys are none. */
function bearer(key: string): Record<string, string> {
  return key.startsWith(KEY_PREFIX) ? {} : { "authorization": `Bearer ${key}` };
}
