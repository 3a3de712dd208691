// POST a notice once: bounded in time and size, never redirected, every answer an outcome.

import type { Claim, Outcome } from "./claim.ts";
import { compose } from "./message.ts";

const ANSWER_BYTES = 2048;
const ANSWER_CHARACTERS = 200;
const REST_SECONDS = 30;
const LONGEST_WAIT_SECONDS = 3600;
const TRY_AGAIN = new Set([408, 425, 500, 502, 504]);

export interface SendOptions {
  /** Local mode: the reader runs on this machine. */
  readonly mayBeLoopback: boolean;
  readonly timeoutMilliseconds: number;
}

/** Send a claim once and return what came of it; no reason repeats the address. */
export async function send(claim: Claim, options: SendOptions): Promise<Outcome> {
  let host: string;
  let message;
  try {
    host = checkedHost(claim.address, options.mayBeLoopback);
    message = await compose(claim);
  } catch (error) {
    if (error instanceof RangeError) return { outcome: "dead", error: error.message };
    throw error;
  }
  let answer: Response;
  try {
    answer = await fetch(message.url, {
      method: "POST",
      headers: message.headers,
      body: message.body,
      redirect: "manual",
      signal: AbortSignal.timeout(options.timeoutMilliseconds),
    });
  } catch (error) {
    // Its text repeats the URL, and its path may be the key to a chat.
    const name = error instanceof Error ? error.name : "Error";
    return retry(`${host}: ${name}`, 0, REST_SECONDS);
  }
  return await outcomeOf(answer, host);
}

async function outcomeOf(answer: Response, host: string): Promise<Outcome> {
  const { status } = answer;
  const reason = `${host} answered ${status}`;
  if (status < 400 || status >= 500 || status === 429 || TRY_AGAIN.has(status)) {
    await answer.body?.cancel().catch(() => undefined);
  }
  if (status >= 200 && status < 300) return { outcome: "delivered" };
  const wait = waitOf(answer.headers.get("retry-after"));
  if (status === 429 || (status === 503 && wait !== null)) {
    const rest = wait ?? REST_SECONDS;
    return { outcome: "put_back", error: reason, retry_after_seconds: rest, hold_seconds: rest };
  }
  if (TRY_AGAIN.has(status) || status >= 500) return retry(reason, wait ?? 0, 0);
  const said = status < 400 ? "" : await saidBy(answer);
  return { outcome: "dead", error: said === "" ? reason : `${reason}: ${said}` };
}

function retry(error: string, retryAfterSeconds: number, holdSeconds: number): Outcome {
  return {
    outcome: "retry",
    error,
    retry_after_seconds: retryAfterSeconds,
    hold_seconds: holdSeconds,
  };
}

function waitOf(text: string | null): number | null {
  const seconds = text === null || text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(seconds)) return null;
  return Math.min(Math.max(seconds, 1), LONGEST_WAIT_SECONDS);
}

async function saidBy(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  if (reader === undefined) return "";
  try {
    // One read of what is there: a body that drips would hold us up.
    const { value } = await reader.read();
    const text = new TextDecoder().decode((value ?? new Uint8Array()).subarray(0, ANSWER_BYTES));
    return text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S}]+/gu, " ").trim().slice(0, ANSWER_CHARACTERS);
  } catch {
    return "";
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * Return the host of an address; throws RangeError when it may not be gone to: no https, a user
 * name in it, or a host that is plainly inside. A name is not resolved here, for `fetch` resolves it
 * again by itself; what runs this function has no private network of ours behind it.
 */
export function checkedHost(address: string, mayBeLoopback: boolean): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new RangeError("the address is no URL");
  }
  // URL has already turned 2130706433 and 0x7f.1 into 127.0.0.1.
  const host = url.hostname.replace(/\.$/, "");
  if (url.username !== "" || url.password !== "" || host === "") {
    throw new RangeError("the address is no plain https URL");
  }
  const isLoopback = host === "localhost" || host.endsWith(".localhost") ||
    host.startsWith("127.") || host === "[::1]";
  if (isLoopback && mayBeLoopback && ["http:", "https:"].includes(url.protocol)) return host;
  if (url.protocol !== "https:") throw new RangeError(`${host}: https is needed`);
  if (isLoopback || isInside(host)) {
    throw new RangeError(`${host}: leads to an address that is not public`);
  }
  return host;
}

function isInside(host: string): boolean {
  // The open IPv6 internet is 2000::/3; of it, 2002::/16 and 2001::/32 carry IPv4 within.
  if (host.startsWith("[")) {
    return !/^\[[23][0-9a-f]{3}:/.test(host) || /^\[(2002|2001:0{0,4}):/.test(host);
  }
  if (/\.(internal|local|lan|intranet|home\.arpa)$/.test(host) || !host.includes(".")) return true;
  const parts = host.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part))) return false;
  const [a = 0, b = 0, c = 0] = parts;
  return a === 0 || a === 10 || a === 127 || a >= 224 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 192 && b === 0 && (c === 0 || c === 2)) ||
    (a === 198 && (b === 18 || b === 19)) ||
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113);
}
