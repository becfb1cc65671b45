/** Requests to the portal's back end; the only place that calls `fetch`. */
import { asApiError, errorOf } from './errors';
import type { Scope } from './scope';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The APIs of a region that pages speak to. */
export type Service = 'identity' | 'compute' | 'network' | 'image' | 'volume' | 'placement';

/** Micro-versions asked for; Nova, Cinder and Placement know them. */
const MICROVERSIONS: Partial<Record<Service, string>> = {
  compute: 'compute 2.96',
  volume: 'volume 3.64',
  placement: 'placement 1.39',
};

let csrf = '';
let project: string | undefined;

/** Remember the token that every changing request has to carry, and the project that this window is in. */
export function rememberSession(token: string, entered: string | undefined): void {
  csrf = token;
  project = entered;
}

/** Ask in no project of the window's own. */
export function leaveProject(): void {
  project = undefined;
}

/** What says in which project something is asked: other windows of the same session may be in other ones. */
function ofProject(asked = project): Record<string, string> {
  return asked === undefined ? {} : { 'X-Aloft-Project': asked };
}

export interface Options {
  method?: Method;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * Send a request and give the parsed answer (`undefined` when it is empty, text when it is not JSON).
 *
 * @throws ApiError the answer was an error, or there was none.
 */
export async function request<T>(path: string, { method = 'GET', body, headers = {}, signal }: Options = {}): Promise<T> {
  const sent: Record<string, string> = { Accept: 'application/json', ...ofProject(), ...headers };
  if (body !== undefined && sent['Content-Type'] === undefined) sent['Content-Type'] = 'application/json';
  if (method !== 'GET') sent['X-Aloft-CSRF'] = csrf;
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      credentials: 'same-origin',
      signal,
    });
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown;
    throw asApiError(thrown);
  }
  const text = await answer.text();
  if (!answer.ok) throw errorOf(answer.status, text);
  if (text === '') return undefined as T;
  return (answer.headers.get('Content-Type')?.includes('json') === true ? JSON.parse(text) : text) as T;
}

/** A query string of what is not `undefined`, with its question mark. */
export function queryString(parameters: Record<string, string | number | boolean | undefined>): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([k, v]) => [k, String(v)])).toString()}`;
}

/**
 * Send a request to one of a region's OpenStack APIs; `path` from the API's root, with a leading slash. Where only a
 * region is given, the project is the window's.
 */
export function openstack<T>(where: string | Scope, service: Service, path: string, options: Options = {}): Promise<T> {
  const version = MICROVERSIONS[service];
  const [region, inProject] = typeof where === 'string' ? [where, {}] : [where.region, ofProject(where.project)];
  const headers = { ...(version === undefined ? {} : { 'OpenStack-API-Version': version }), ...inProject, ...options.headers };
  return request<T>(`/os/${encodeURIComponent(region)}/${service}${path}`, { ...options, headers });
}

/** Send a request to the plane's REST API; `path` below `/v1`, with a leading slash. */
export function plane<T>(path: string, options: Options = {}): Promise<T> {
  return request<T>(`/api/v1${path}`, options);
}

const PAGE = 1000;

/**
 * All items of a list, page after page. Nova and Cinder tell of more by `<key>_links`, Glance by `next`; Neutron and
 * Keystone give everything at once.
 */
export async function listAll<T extends { id: string }>(
  where: string | Scope,
  service: Service,
  path: string,
  key: string,
  parameters: Record<string, string | number | boolean | undefined> = {},
  signal?: AbortSignal,
): Promise<T[]> {
  const pages = service === 'compute' || service === 'volume' || service === 'image';
  const items: T[] = [];
  let marker: string | undefined;
  for (;;) {
    const asked = queryString({ ...parameters, limit: pages ? PAGE : undefined, marker });
    const answer = await openstack<Record<string, unknown>>(where, service, `${path}${asked}`, { signal });
    const page = (answer[key] ?? []) as T[];
    items.push(...page);
    const more = Array.isArray(answer[`${key}_links`]) || typeof answer.next === 'string';
    const last = page.at(-1);
    if (!pages || !more || last === undefined) return items;
    marker = last.id;
  }
}

/** Upload a file as a request's body, telling how much of it is sent (0 to 1). */
export function upload(
  path: string,
  file: Blob,
  onProgress: (share: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open('PUT', path);
    sending.setRequestHeader('Content-Type', 'application/octet-stream');
    for (const [name, value] of Object.entries({ 'X-Aloft-CSRF': csrf, ...ofProject() })) sending.setRequestHeader(name, value);
    sending.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) onProgress(event.loaded / event.total);
    };
    sending.onload = () => {
      if (sending.status >= 200 && sending.status < 300) resolve();
      else reject(errorOf(sending.status, sending.responseText));
    };
    sending.onerror = () => reject(asApiError(new TypeError('upload')));
    sending.onabort = () => reject(new DOMException('aborted', 'AbortError'));
    signal?.addEventListener('abort', () => sending.abort());
    sending.send(file);
  });
}
