import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { type Answers, answering, aSession, Refused, showPage } from '../testing/pages';
import { aServer } from '../testing/servers';
import Search from './Search';

afterEach(() => vi.unstubAllGlobals());

const LISTS = Object.fromEntries([
  'servers', 'volumes', 'snapshots', 'images', 'keypairs', 'networks', 'subnets', 'ports', 'routers', 'floatingips', 'security_groups', 'flavors',
  'aggregates', 'projects', 'users', 'items',
].map((name) => [name, []]));
const SCOPE = { project: 'p', region: 'r1' };

async function typed(text: string, answers: Answers, projects = aSession().projects) {
  answering((...asked) => answers(...asked) ?? LISTS);
  showPage(<Search scope={SCOPE} close={() => undefined} />, { session: aSession({ projects }) });
  await userEvent.type(screen.getByRole('combobox'), text);
}

describe('the search', () => {
  it('finds what is in another region and what administrators look after', async () => {
    await typed('web', (_method, path) => {
      if (path.startsWith('/os/r2/compute/v2.1/servers')) return { ...LISTS, servers: [aServer({ id: 'far', name: 'web-far' })] };
      return path.includes('/v3/users') ? { ...LISTS, users: [{ id: 'w', name: 'webmaster' }] } : undefined;
    });
    const far = await screen.findByRole('option', { name: /web-far/ });
    expect(far.textContent).toContain('r2');
    await userEvent.click(await screen.findByRole('option', { name: /webmaster/ }));
    expect(screen.getByLabelText('address').textContent).toBe('/admin/r1/users');
  });

  it('finds what is in another project of the person, once enough is typed, and not again what all see', async () => {
    const asked = new Set<string | undefined>();
    const projects = [{ id: 'p', name: 'shop' }, { id: 'o', name: 'office' }];
    const shared = { id: 'net', name: 'web-outside', project_id: 'somebody', subnets: [], shared: true };
    await typed('w', (_method, path, _body, project) => {
      asked.add(project);
      if (path.includes('/networks')) return { ...LISTS, networks: [shared] };
      return project === 'o' && path.startsWith('/os/r1/compute/v2.1/servers') ? { ...LISTS, servers: [aServer({ id: 'theirs', name: 'web-office' })] } : undefined;
    }, projects);
    await screen.findAllByRole('option', { name: /web-outside/ });
    expect(asked.has('o')).toBe(false);
    await userEvent.type(screen.getByRole('combobox'), 'eb');
    const found = await screen.findByRole('option', { name: /web-office/ });
    expect(found.textContent).toContain('office · r1');
    expect(screen.getAllByRole('option', { name: /web-outside/ })).toHaveLength(2); // once in each region
    await userEvent.click(found);
    expect(screen.getByLabelText('address').textContent).toBe('/project/o/r1/instances/theirs');
  });

  it('tells of projects that are not looked through', async () => {
    await typed('web', () => undefined, Array.from({ length: 12 }, (_, at) => ({ id: at === 0 ? 'p' : `p${at}`, name: `project ${at}` })));
    expect(await screen.findByText(/One more of your projects is not looked through/)).toBeTruthy();
  });

  it('says nothing was found when all was looked through', async () => {
    await typed('nowhere', () => undefined);
    expect(await screen.findByText(/Nothing has all of these words/)).toBeTruthy();
  });

  it('says so while lists are on their way', async () => {
    await typed('nowhere', (_method, path) => (path.includes('/images') ? new Promise(() => undefined) : undefined));
    expect(await screen.findByText(/still on their way/)).toBeTruthy();
    expect(screen.queryByText(/Nothing has/)).toBeNull();
  });

  it('says which region does not answer', async () => {
    await typed('nowhere', (_method, path) => (path.startsWith('/os/r2/') ? new Refused(503, { error: { code: 'region_unreachable', message: 'No.', remedy: '' } }) : undefined));
    expect(await screen.findByText(/Not looked through, since it does not answer: r2\./)).toBeTruthy();
  });
});
