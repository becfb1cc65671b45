/** What went wrong with a request, in one form for all of the APIs behind the portal. */
import { messageHere, remedyHere, texts } from '../texts';

/** A request failed; `message` says what happened, `remedy` what to do. `status` 0: no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The same failed for some of many; the first that ends the session says so for all. */
export class FailedForSome extends ApiError {
  constructor(
    all: number,
    readonly failures: readonly { name: string; error: ApiError }[],
  ) {
    const { status, code } = failures.map(({ error }) => error).find(endsSession) ?? failures[0]?.error ?? { status: 0, code: 'unknown' };
    super(status, code, texts.errors.failedForSome(failures.length, all), failures.map(({ name, error }) => texts.errors.failedFor(name, error)).join(' '));
  }
}

interface Told {
  code?: string;
  message?: string;
  remedy?: string;
}

const SESSION_CODES = new Set(['session_ended', 'unauthenticated', 'csrf']);

/** Whether the error means that one has to log in again. */
export function endsSession(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401 && SESSION_CODES.has(error.code);
}

/** Whether the error means that a region's API does not answer while the session is well. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'region_unreachable' || error.status >= 502 || error.status === 0);
}

/** Make an error of an answer, whichever of the APIs gave it. */
export function errorOf(status: number, body: string): ApiError {
  const told = read(body);
  const code = told.code ?? String(status);
  const message = told.message ?? texts.errors.byStatus[status] ?? texts.errors.unknown(status);
  return new ApiError(status, code, messageHere(message), remedyHere(told.remedy) ?? texts.errors.remedyOf(status));
}

/** Anything that was thrown, as an `ApiError`. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof TypeError) return new ApiError(0, 'offline', texts.errors.offline, texts.errors.offlineRemedy);
  return new ApiError(0, 'unknown', thrown instanceof Error ? thrown.message : String(thrown), texts.errors.reload);
}

/** Keystone, Glance: `{error}`; Nova, Cinder: `{badRequest: {…}}`; Neutron: `{NeutronError}`; Placement: `{errors}`. */
function read(body: string): Told {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return /<[a-z]/i.test(body) ? {} : { message: body.trim().slice(0, 500) || undefined };
  }
  if (typeof parsed !== 'object' || parsed === null) return {};
  const root = parsed as Record<string, unknown>;
  if (typeof root.detail === 'string') return { message: root.detail };
  if (Array.isArray(root.errors)) {
    const [first] = root.errors as { detail?: string; title?: string }[];
    return { message: first?.detail ?? first?.title };
  }
  const inner = root.error ?? Object.values(root)[0];
  if (typeof inner === 'string') return { message: inner };
  if (typeof inner !== 'object' || inner === null) return {};
  const fields = inner as Record<string, unknown>;
  const text = (key: string) => (typeof fields[key] === 'string' && fields[key] !== '' ? fields[key] : undefined);
  return { code: text('code'), message: text('message'), remedy: text('remedy') };
}
