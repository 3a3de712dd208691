// What the function needs to know, read once from its environment.

export interface Settings {
  readonly projectUrl: string;
  readonly secretKey: string;
  readonly webhookSecret: string;
  readonly mayBeLoopback: boolean;
}

export type Environment = (name: string) => string | undefined;

const SECRET_CHARACTERS = 24;

/** Return the settings; throws naming the variable that is missing, and never its value. */
export function readSettings(environment: Environment): Settings {
  const projectUrl = environment("SUPABASE_URL") ?? "";
  if (!/^https?:\/\//.test(projectUrl)) throw new Error("SUPABASE_URL is missing");
  const webhookSecret = environment("NOTIFY_WEBHOOK_SECRET") ?? "";
  if (webhookSecret.length < SECRET_CHARACTERS) {
    throw new Error(`NOTIFY_WEBHOOK_SECRET needs at least ${SECRET_CHARACTERS} characters`);
  }
  return {
    projectUrl,
    secretKey: keyOf(environment),
    webhookSecret,
    mayBeLoopback: environment("NOTIFY_ALLOW_LOOPBACK") === "1",
  };
}

function keyOf(environment: Environment): string {
  const keys = namedKeys(environment("SUPABASE_SECRET_KEYS"));
  const key = keys.default ?? Object.values(keys)[0] ?? environment("SUPABASE_SECRET_KEY") ??
    environment("SUPABASE_SERVICE_ROLE_KEY") ?? "";
  if (key === "") {
    throw new Error("SUPABASE_SECRET_KEYS and SUPABASE_SERVICE_ROLE_KEY are missing");
  }
  return key;
}

function namedKeys(text: string | undefined): Record<string, string> {
  if (text === undefined || text === "") return {};
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw new Error("SUPABASE_SECRET_KEYS is no JSON object");
  }
  if (typeof read !== "object" || read === null || Array.isArray(read)) {
    throw new Error("SUPABASE_SECRET_KEYS is no JSON object");
  }
  const texts = Object.entries(read).filter(([, key]) => typeof key === "string" && key !== "");
  return Object.fromEntries(texts);
}
