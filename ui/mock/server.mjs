/**
 * A stand-in for the portal's back end and the APIs behind it, to look at pages with: everything is made up and lives in
 * memory. It serves `dist` under the strict content security policy that pages have to live with. Equipment for
 * developers and tests; it is no part of what is installed.
 *
 *   PORT=7090 FACE=customer INSTANCES=40 node mock/server.mjs
 */
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { planeAnswer } from './plane.mjs';
import { openstackAnswer, world } from './openstack.mjs';

const port = Number(process.env.PORT ?? 7090);
const face = process.env.FACE ?? 'customer';
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };

const state = world(Number(process.env.INSTANCES ?? 40));
let loggedIn = process.env.LOGGED_IN === '1';
const streams = new Set();
let eventNumber = 0;

function tell(event) {
  eventNumber += 1;
  const data = { region: 'demo-1', project: 'p1', at: new Date().toISOString(), ...event };
  for (const stream of streams) stream.write(`id: ${eventNumber}\nevent: ${event.kind}\ndata: ${JSON.stringify(data)}\n\n`);
}

function session(entered) {
  const common = { csrf: 'made-up', expires: '2099-01-01T00:00:00Z', events: '' };
  if (face === 'provider') {
    return { ...common, face, customer: null, user: { id: 'root', name: 'root' }, project: null, projects: [], roles: ['admin'], administrator: true, regions: [] };
  }
  const services = ['identity', 'compute', 'network', 'image', 'volume', 'placement'];
  const project = state.projects.find(({ id }) => id === (entered ?? state.project));
  return {
    ...common, face, customer: 'demo', user: { id: 'u1', name: 'admin', domain: 'Default' }, project,
    projects: state.projects.map(({ id, name }) => ({ id, name, domain: 'Default' })), roles: ['admin', 'member', 'reader'],
    administrator: process.env.ADMINISTRATOR !== '0', regions: [{ name: 'demo-1', services }, { name: 'demo-2', services }],
  };
}

function answer(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function error(response, status, code, message, remedy) {
  answer(response, status, { error: { code, message, remedy } });
}

function file(response, path) {
  const wanted = normalize(join(dist, path));
  const found = wanted.startsWith(dist) && extname(wanted) !== '' && existsSync(wanted) ? wanted : join(dist, 'index.html');
  response.writeHead(200, { 'Content-Type': types[extname(found)] ?? 'application/octet-stream', 'Content-Security-Policy': policy });
  createReadStream(found).pipe(response);
}

createServer((request, response) => {
  let text = '';
  request.on('data', (part) => { if (text.length < 1e6) text += part; });
  request.on('end', () => {
    const url = new URL(request.url, 'http://localhost');
    const path = url.pathname;
    const body = request.headers['content-type']?.includes('json') && text !== '' ? JSON.parse(text) : undefined;
    if (path === '/face') return answer(response, 200, { face, customer: face === 'customer' ? 'demo' : null, domain: 'aloft.internal', version: '0.1.0' });
    if (path === '/session' && request.method === 'POST') {
      if (body.password === 'wrong') return error(response, 401, 'unauthenticated', 'The user name or password is wrong.', 'Try again, or ask your administrator for a new password.');
      loggedIn = true;
      return answer(response, 200, session());
    }
    const guarded = /^\/(session|os|api|events)/.test(path);
    if (guarded && !loggedIn) return error(response, 401, 'unauthenticated', 'Nobody is logged in.', 'Log in.');
    if (guarded && request.method !== 'GET' && request.headers['x-aloft-csrf'] !== 'made-up') return error(response, 403, 'csrf', 'The request does not come from the page.', 'Reload the page.');
    if (path === '/session/project') {
      state.project = body.project;
      return answer(response, 200, session());
    }
    if (path === '/session' && request.method === 'DELETE') {
      loggedIn = false;
      return answer(response, 204);
    }
    if (path === '/session') return answer(response, 200, session(request.headers['x-aloft-project']));
    if (path === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(': here\n\n');
      streams.add(response);
      request.on('close', () => streams.delete(response));
      return undefined;
    }
    const found = path.startsWith('/os/')
      ? openstackAnswer(state, request.method, path.split('/')[2], path.split('/')[3], `/${path.split('/').slice(4).join('/')}`, url.searchParams, body, tell)
      : path.startsWith('/api/v1/') ? planeAnswer(request.method, path.slice('/api/v1'.length), body) : undefined;
    if (found !== undefined) return answer(response, found[0], found[1]);
    return guarded ? error(response, 404, 'not_found', `There is nothing at ${path}.`, '') : file(response, path);
  });
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`));
