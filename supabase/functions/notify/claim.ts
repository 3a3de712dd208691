// A notice on its way to one channel, as api.claim_outbox answers it, and what came of sending it.

export type Severity = "notice" | "warning" | "critical";

export interface Claim {
  /** The idempotency key: the same for every attempt. */
  readonly id: string;
  readonly account_id: string;
  readonly account: string;
  readonly channel: string;
  readonly kind: string;
  readonly address: string;
  readonly secret: string | null;
  /** Counts from 1. */
  readonly attempt: number;
  readonly about: string;
  readonly key: string;
  readonly severity: Severity;
  readonly title: string;
  readonly said: Readonly<Record<string, unknown>>;
  /** When it was told, ISO 8601 in UTC. */
  readonly at: string;
}

/** hold_seconds: how long the whole channel should rest; 0 when only this notice failed. */
export type Outcome =
  | { readonly outcome: "delivered" }
  | { readonly outcome: "dead"; readonly error: string }
  | {
    readonly outcome: "retry" | "put_back";
    readonly error: string;
    readonly retry_after_seconds: number;
    readonly hold_seconds: number;
  };

const TEXTS = [
  "id",
  "account_id",
  "account",
  "channel",
  "kind",
  "address",
  "about",
  "key",
  "title",
  "at",
] as const;

/** Return a row of the answer as a claim; throws TypeError naming the field that cannot be used. */
export function readClaim(row: unknown): Claim {
  const fields = (typeof row === "object" && row !== null ? row : {}) as Record<string, unknown>;
  for (const name of TEXTS) {
    if (typeof fields[name] !== "string") throw new TypeError(`a claim without a usable ${name}`);
  }
  if (!["notice", "warning", "critical"].includes(String(fields.severity))) {
    throw new TypeError("a claim without a usable severity");
  }
  if (typeof fields.said !== "object" || fields.said === null) {
    throw new TypeError("a claim without usable facts");
  }
  return { ...fields, secret: fields.secret ?? null } as unknown as Claim;
}
