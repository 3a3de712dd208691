// The edge function's parts under real Deno: `deno test`, which tests/edge/test_notify.py runs.

import assert from "node:assert/strict";
import { type Claim, type Outcome, readClaim } from "../../supabase/functions/notify/claim.ts";
import { isSame, makeHandler, type Parts } from "../../supabase/functions/notify/handler.ts";
import { compose, sign } from "../../supabase/functions/notify/message.ts";
import { Queue, QueueError } from "../../supabase/functions/notify/rpc.ts";
import { checkedHost, send } from "../../supabase/functions/notify/send.ts";
import { readSettings } from "../../supabase/functions/notify/settings.ts";

interface Case {
  name: string;
  claim: Claim;
  url: string;
  body: string;
  headers: Record<string, string>;
}

const cases: Case[] = JSON.parse(
  Deno.readTextFileSync(new URL("./messages.json", import.meta.url)),
);
const SECRET = "a webhook secret of thirty-two c";
const ID = "00000000-0000-4000-8000-000000000001";

function aClaim(changes: Partial<Claim> = {}): Claim {
  return {
    id: ID,
    account_id: "acc",
    account: "Desk",
    channel: "desk",
    kind: "webhook",
    address: "https://hooks.example.com/secret-path",
    secret: "s".repeat(24),
    attempt: 1,
    about: "alarm",
    key: "k",
    severity: "warning",
    title: "The stop was missing",
    said: { symbol: "AAPL" },
    at: "2026-11-23T17:00:00+00:00",
    ...changes,
  };
}

for (const each of cases) {
  Deno.test(`the same bytes as the Lambda: ${each.name}`, async () => {
    const message = await compose(each.claim);
    assert.equal(message.url, each.url);
    assert.equal(message.body, each.body);
    assert.deepEqual(message.headers, each.headers);
    assert.deepEqual(await compose({ ...each.claim, attempt: 7 }), message);
  });
}

Deno.test("Discord takes two thousand characters", async () => {
  const { body } = await compose(aClaim({ kind: "discord", title: "🚨".repeat(5000) }));
  assert.equal(Array.from(JSON.parse(body).content).length, 2000);
});

Deno.test("a signature is the one of RFC 4231", async () => {
  assert.equal(
    await sign("what do ya want for nothing?", "Jefe"),
    "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

Deno.test("what cannot be posted is dead, and its address is not repeated", async () => {
  for (
    const changes of [
      { kind: "sns" },
      { kind: "ntfy", address: "https://ntfy.example.com/" },
      { address: "https://user@example.com/secret-path" },
      { address: "no url" },
    ]
  ) {
    const outcome = await send(aClaim(changes), { mayBeLoopback: false, timeoutMilliseconds: 10 });
    assert.equal(outcome.outcome, "dead");
    assert.ok(!JSON.stringify(outcome).includes("secret-path"));
  }
});

Deno.test("an address that leads inside is not gone to", () => {
  for (
    const host of [
      "localhost",
      "x.localhost",
      "127.0.0.1",
      "2130706433",
      "0x7f.1",
      "0.0.0.0",
      "10.1.2.3",
      "100.64.0.1",
      "169.254.169.254",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.0.1",
      "192.0.2.1",
      "198.18.0.1",
      "224.0.0.1",
      "255.255.255.255",
      "[::1]",
      "[fe80::1]",
      "[fd00:ec2::254]",
      "[::ffff:10.0.0.1]",
      "[64:ff9b::a9fe:a9fe]",
      "[2::1]",
      "[2002:a9fe:a9fe::1]",
      "[2001::1]",
      "metadata.google.internal",
      "printer.local",
      "kong",
    ]
  ) {
    assert.throws(() => checkedHost(`https://${host}/x`, false), /not public/, host);
  }
  for (const url of ["http://example.com/", "ftp://example.com/", "http://[2606:4700::1]/"]) {
    assert.throws(() => checkedHost(url, true), /https is needed/, url);
  }
  for (
    const host of ["example.com", "93.184.216.34", "[2606:4700::1]", "172.32.0.1", "11.0.0.1"]
  ) {
    assert.equal(checkedHost(`https://${host}/x`, false), host);
  }
  assert.equal(checkedHost("http://127.0.0.1:9/x", true), "127.0.0.1");
});

/** Serve one answer and return what came of sending a claim there, and what was asked. */
async function sendTo(
  answer: (request: Request) => Response | Promise<Response>,
): Promise<{ outcome: Outcome; asked: Headers[]; bodies: string[] }> {
  const asked: Headers[] = [];
  const bodies: string[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => undefined },
    async (request) => {
      asked.push(new Headers(request.headers));
      bodies.push(await request.text());
      return await answer(request);
    },
  );
  const address = `http://127.0.0.1:${server.addr.port}/secret-path`;
  const outcome = await send(aClaim({ address }), {
    mayBeLoopback: true,
    timeoutMilliseconds: 300,
  });
  await server.shutdown();
  return { outcome, asked, bodies };
}

function waiting(outcome: "retry" | "put_back", error: string, wait: number, hold: number) {
  return { outcome, error, retry_after_seconds: wait, hold_seconds: hold };
}

const answers: [string, () => Response, Outcome][] = [
  ["200", () => new Response("x".repeat(100_000)), { outcome: "delivered" }],
  ["204", () => new Response(null, { status: 204 }), { outcome: "delivered" }],
  ...[408, 425, 500, 502, 503, 504, 599].map((status): [string, () => Response, Outcome] => [
    `${status}`,
    () => new Response(null, { status }),
    waiting("retry", `127.0.0.1 answered ${status}`, 0, 0),
  ]),
  [
    "503 with a wait",
    () => new Response(null, { status: 503, headers: { "retry-after": "17" } }),
    waiting("put_back", "127.0.0.1 answered 503", 17, 17),
  ],
  [
    "429 for long",
    () => new Response(null, { status: 429, headers: { "retry-after": "999999" } }),
    waiting("put_back", "127.0.0.1 answered 429", 3600, 3600),
  ],
  [
    "429 for a moment",
    () => new Response(null, { status: 429, headers: { "retry-after": "0.25" } }),
    waiting("put_back", "127.0.0.1 answered 429", 1, 1),
  ],
  [
    "429 until a date",
    () => new Response(null, { status: 429, headers: { "retry-after": "Wed, 21 Oct 2026" } }),
    waiting("put_back", "127.0.0.1 answered 429", 30, 30),
  ],
  [
    "404 with words",
    () => new Response("no_service\r\n\x00here", { status: 404 }),
    { outcome: "dead", error: "127.0.0.1 answered 404: no_service here" },
  ],
  [
    "410 at length",
    () => new Response("x".repeat(9000), { status: 410 }),
    { outcome: "dead", error: `127.0.0.1 answered 410: ${"x".repeat(200)}` },
  ],
  [
    "302",
    () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
    { outcome: "dead", error: "127.0.0.1 answered 302" },
  ],
];

for (const [name, answer, expected] of answers) {
  Deno.test(`an answer decides what becomes of the notice: ${name}`, async () => {
    const { outcome, asked } = await sendTo(answer);
    assert.deepEqual(outcome, expected);
    assert.equal(asked.length, 1);
  });
}

Deno.test("a notice arrives with its key and its signature", async () => {
  const { asked, bodies } = await sendTo(() => new Response());
  const expected = await compose(aClaim());
  assert.equal(bodies[0], expected.body);
  for (const [name, value] of Object.entries(expected.headers)) {
    assert.equal(asked[0]?.get(name), value);
  }
});

Deno.test("silence rests the channel", async () => {
  const over = Promise.withResolvers<Response>();
  const sent = sendTo(() => over.promise);
  setTimeout(() => over.resolve(new Response()), 400);
  const { outcome } = await sent;
  assert.deepEqual(outcome, waiting("retry", "127.0.0.1: TimeoutError", 0, 30));
});

Deno.test("a door that is shut rests the channel", async () => {
  const address = "http://127.0.0.1:1/secret-path";
  const options = { mayBeLoopback: true, timeoutMilliseconds: 1000 };
  const outcome = await send(aClaim({ address }), options);
  assert.deepEqual(outcome, waiting("retry", "127.0.0.1: TypeError", 0, 30));
});

function aWebhook(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const insert = { type: "INSERT", schema: "stopward", table: "outbox", old_record: null };
  return { ...insert, record: { id: ID }, ...changes };
}

function aRequest(body: unknown, secret = SECRET): Request {
  return new Request("http://localhost/notify", {
    method: "POST",
    headers: { "x-stopward-webhook-secret": secret },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Parts that remember what was done with them. */
function someParts(changes: Partial<Parts> = {}): Parts & { done: string[]; logged: unknown[] } {
  const done: string[] = [];
  const logged: unknown[] = [];
  return {
    webhookSecret: SECRET,
    queue: {
      claim: (id, holder) => {
        done.push(`claim ${id} ${holder}`);
        return Promise.resolve(aClaim());
      },
      settle: (id, holder, outcome) => {
        done.push(`settle ${id} ${holder} ${outcome.outcome}`);
        return Promise.resolve("delivered");
      },
    },
    send: (claim) => {
      done.push(`send ${claim.id}`);
      return Promise.resolve({ outcome: "delivered" });
    },
    newHolder: () => "edge-1",
    log: (event) => logged.push(event),
    done,
    logged,
    ...changes,
  };
}

Deno.test("one webhook is one row claimed, sent and settled", async () => {
  const parts = someParts();
  const answer = await makeHandler(parts)(aRequest(aWebhook()));
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { id: ID, status: "delivered" });
  assert.deepEqual(parts.done, [
    `claim ${ID} edge-1`,
    `send ${ID}`,
    `settle ${ID} edge-1 delivered`,
  ]);
  assert.ok(!JSON.stringify(parts.logged).includes("secret-path"));
});

Deno.test("a row that is not due is not sent", async () => {
  const parts = someParts();
  const queue = { ...parts.queue, claim: () => Promise.resolve(null) };
  const answer = await makeHandler({ ...parts, queue })(aRequest(aWebhook()));
  assert.deepEqual(await answer.json(), { id: ID, status: "not_due" });
  assert.deepEqual(parts.done, []);
});

Deno.test("who does not know the secret is told nothing and moves nothing", async () => {
  for (const secret of ["", "x", `${SECRET}x`, SECRET.slice(1), SECRET.toUpperCase()]) {
    const parts = someParts();
    const answer = await makeHandler(parts)(aRequest(aWebhook(), secret));
    await answer.body?.cancel();
    assert.equal(answer.status, 401);
    assert.deepEqual(parts.done, []);
  }
});

Deno.test("without a secret of its own the function trusts nobody", async () => {
  assert.equal(await isSame("", ""), false);
  assert.equal(await isSame("a", "a"), true);
  const answer = await makeHandler(someParts({ webhookSecret: "" }))(aRequest(aWebhook(), ""));
  await answer.body?.cancel();
  assert.equal(answer.status, 401);
});

Deno.test("what is no insert into the outbox is refused", async () => {
  for (
    const body of [
      "",
      "{",
      "null",
      "[]",
      "1",
      aWebhook({ type: "UPDATE" }),
      aWebhook({ schema: "public" }),
      aWebhook({ table: "orders" }),
      aWebhook({ record: null }),
      aWebhook({ record: { id: 7 } }),
      aWebhook({ record: { id: `${ID}' or true --` } }),
      aWebhook({ padding: "x".repeat(70_000) }),
    ]
  ) {
    const parts = someParts();
    const answer = await makeHandler(parts)(aRequest(body));
    await answer.body?.cancel();
    assert.equal(answer.status, 400);
    assert.deepEqual(parts.done, []);
  }
});

Deno.test("only POST is answered", async () => {
  const answer = await makeHandler(someParts())(new Request("http://localhost/notify"));
  await answer.body?.cancel();
  assert.equal(answer.status, 405);
});

Deno.test("a database that gives no answer is a 502, for the post to be made again", async () => {
  const parts = someParts();
  const queue = {
    ...parts.queue,
    claim: () => Promise.reject(new QueueError("claim_outbox: answered 503")),
  };
  const answer = await makeHandler({ ...parts, queue })(aRequest(aWebhook()));
  await answer.body?.cancel();
  assert.equal(answer.status, 502);
});

Deno.test("an answer without a claim in it is named by the field that is missing", () => {
  assert.throws(() => readClaim(null), /without a usable id/);
  assert.throws(() => readClaim({ ...aClaim(), title: 5 }), /without a usable title/);
  assert.throws(() => readClaim({ ...aClaim(), severity: "grave" }), /without a usable severity/);
  assert.throws(() => readClaim({ ...aClaim(), said: null }), /without usable facts/);
  const { secret: _, ...without } = aClaim();
  assert.equal(readClaim(without).secret, null);
});

Deno.test("a settlement whose answer is lost is asked once more", async () => {
  const asked: string[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => undefined },
    async (request) => {
      asked.push(`${new URL(request.url).pathname} ${request.headers.get("content-profile")}`);
      await request.body?.cancel();
      return asked.length === 1
        ? new Response("no", { status: 503 })
        : Response.json({ status: "delivered" });
    },
  );
  const queue = new Queue(`http://127.0.0.1:${server.addr.port}/`, "key");
  assert.equal(await queue.settle(ID, "edge-1", { outcome: "delivered" }), "delivered");
  await server.shutdown();
  assert.deepEqual(asked, Array(2).fill("/rest/v1/rpc/settle_delivery api"));
  await assert.rejects(() => queue.claim(ID, "edge-1"), QueueError);
});

Deno.test("a key that is no JWT travels as apikey alone", async () => {
  const asked: (string | null)[][] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => undefined },
    async (request) => {
      asked.push(["apikey", "authorization"].map((name) => request.headers.get(name)));
      await request.body?.cancel();
      return Response.json({ claims: [] });
    },
  );
  for (const key of ["sb_secret_1", "eyJ.a.b"]) {
    await new Queue(`http://127.0.0.1:${server.addr.port}`, key).claim(ID, "edge-1");
  }
  await server.shutdown();
  assert.deepEqual(asked, [["sb_secret_1", null], ["eyJ.a.b", "Bearer eyJ.a.b"]]);
});

Deno.test("an address or a token that is badly written is dead, without its text", async () => {
  for (
    const changes of [
      { address: "https://[ntfy.example/secret" },
      { address: "https://ntfy.example/t", secret: "secret\nx" },
      { address: "https://ntfy.example/t", secret: "secret\u2013x" },
    ]
  ) {
    const claim = aClaim({ kind: "ntfy", ...changes });
    const outcome = await send(claim, { mayBeLoopback: false, timeoutMilliseconds: 1000 });
    assert.equal(outcome.outcome, "dead");
    assert.ok(!JSON.stringify(outcome).includes("secret"));
  }
});

Deno.test("settings name what is missing, and never its value", () => {
  const complete: Record<string, string> = {
    SUPABASE_URL: "https://project.supabase.co",
    NOTIFY_WEBHOOK_SECRET: SECRET,
    SUPABASE_SECRET_KEYS: '{"other": "sb_secret_2", "default": "sb_secret_1"}',
    SUPABASE_SERVICE_ROLE_KEY: "legacy",
  };
  const read = (changes: Record<string, string | undefined>) =>
    readSettings((name) => ({ ...complete, ...changes })[name]);
  assert.equal(read({}).secretKey, "sb_secret_1");
  assert.equal(read({ SUPABASE_SECRET_KEYS: '{"other": "sb_secret_2"}' }).secretKey, "sb_secret_2");
  assert.equal(read({ SUPABASE_SECRET_KEYS: undefined }).secretKey, "legacy");
  assert.equal(read({}).mayBeLoopback, false);
  for (
    const [name, value] of [
      ["SUPABASE_URL", undefined],
      ["SUPABASE_URL", "project.supabase.co"],
      ["NOTIFY_WEBHOOK_SECRET", undefined],
      ["NOTIFY_WEBHOOK_SECRET", "too short"],
      ["SUPABASE_SECRET_KEYS", "sb_secret_1"],
      ["SUPABASE_SECRET_KEYS", "[]"],
    ] as const
  ) {
    assert.throws(
      () => read({ [name]: value }),
      (error: Error) =>
        error.message.includes(name) && (value === undefined || !error.message.includes(value)),
    );
  }
  assert.throws(
    () => read({ SUPABASE_SECRET_KEYS: "{}", SUPABASE_SERVICE_ROLE_KEY: undefined }),
    /SUPABASE_SERVICE_ROLE_KEY/,
  );
});
