// What each kind of channel is sent: the same bytes as stopward/adapters/notices/formats.py sends.
// One set of cases, tests/edge/messages.json, is read by the tests of both.

import type { Claim, Severity } from "./claim.ts";

export interface Message {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const DISCORD_CHARACTERS = 2000;
const PRIORITY: Record<Severity, number> = { notice: 3, warning: 4, critical: 5 };
const TAG: Record<Severity, string> = {
  notice: "information_source",
  warning: "warning",
  critical: "rotating_light",
};

/** Return what is posted for a claim; throws RangeError for one that cannot be posted. */
export async function compose(claim: Claim): Promise<Message> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "idempotency-key": claim.id,
    "user-agent": "stopward",
  };
  switch (claim.kind) {
    case "webhook": {
      const { id, account_id, account, about, key, severity, title, said, at } = claim;
      const body = sorted({ id, account_id, account, about, key, severity, title, said, at });
      if (claim.secret !== null) {
        headers["x-stopward-signature"] = await sign(body, claim.secret);
      }
      return { url: claim.address, body, headers };
    }
    case "slack": {
      const text = headline(claim)
        .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
      const body = sorted({ text, unfurl_links: false, unfurl_media: false });
      return { url: claim.address, body, headers };
    }
    case "discord": {
      const content = Array.from(headline(claim)).slice(0, DISCORD_CHARACTERS).join("");
      const body = sorted({ content, allowed_mentions: { parse: [] } });
      return { url: claim.address, body, headers };
    }
    case "ntfy":
      return ntfy(claim, headers);
    default:
      throw new RangeError(`channel ${claim.channel}: kind ${claim.kind} is not posted`);
  }
}

function ntfy(claim: Claim, headers: Record<string, string>): Message {
  const url = new URL(claim.address);
  const cut = url.pathname.lastIndexOf("/") + 1;
  const topic = url.pathname.slice(cut);
  if (topic === "") {
    throw new RangeError(`channel ${claim.channel}: the address of ntfy ends with no topic`);
  }
  const body = sorted({
    topic,
    title: `${claim.account}: ${claim.about.replaceAll("_", " ")}`,
    message: claim.title,
    priority: PRIORITY[claim.severity],
    tags: [TAG[claim.severity]],
    // A repeated notice replaces the first on the phone.
    sequence_id: claim.id,
  });
  if (claim.secret !== null && !/^[!-~]*$/.test(claim.secret)) {
    throw new RangeError(`channel ${claim.channel}: the token holds what no token holds`);
  }
  const known = claim.secret === null ? {} : { authorization: `Bearer ${claim.secret}` };
  return {
    url: `${url.origin}${url.pathname.slice(0, cut)}`,
    body,
    headers: { ...headers, ...known },
  };
}

function headline(claim: Claim): string {
  return `${claim.severity.toUpperCase()} · ${claim.account}: ${claim.title}`;
}

/** Return `sha256=` and the hexadecimal HMAC-SHA256 of the body under the channel's secret. */
export async function sign(body: string, secret: string): Promise<string> {
  const bytes = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), algorithm, false, [
    "sign",
  ]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(body)));
  const digits = Array.from(signature, (byte) => byte.toString(16).padStart(2, "0"));
  return `sha256=${digits.join("")}`;
}

/** Return JSON with the keys of every object in order, so that the same notice is the same bytes. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    const entries = Object.entries(inner as Record<string, unknown>);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
