import type { UseQueryResult } from '@tanstack/react-query';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import { MemoryRouter } from 'react-router';
import { describe, expect, it, vi } from 'vitest';

import { ResourceTable } from './ResourceTable';

interface Row {
  id: string;
  name: string;
  size: number;
}

const ROWS: Row[] = Array.from({ length: 5000 }, (_, index) => ({ id: String(index), name: `web-${index}`, size: index % 10 }));

function show(run = vi.fn(), rows = ROWS) {
  const query = { data: rows, isError: false, error: null, refetch: vi.fn() } as unknown as UseQueryResult<Row[]>;
  return render(
    <MemoryRouter>
      <ResourceTable
        id="test"
        query={query}
        columns={[{ key: 'name', title: 'Name', value: ({ name }) => name }, { key: 'size', title: 'Size', value: ({ size }) => size }]}
        rowKey={({ id }) => id}
        link={({ id }) => `/${id}`}
        actions={() => [{ key: 'stop', title: 'Stop', bulk: true, run }]}
        empty={{ title: 'Nothing', body: 'There is nothing.' }}
      />
    </MemoryRouter>,
  );
}

describe('a long list', () => {
  it('holds only the rows in sight', async () => {
    show();
    expect(screen.getByText('5000')).toBeTruthy();
    expect((await screen.findAllByRole('link')).length).toBeLessThan(100);
  });

  it('is filtered, counted, and acted upon', async () => {
    const run = vi.fn();
    const user = userEvent.setup();
    show(run);
    await user.type(screen.getByLabelText('Filter'), 'web-4999');
    expect(await screen.findByText('1 of 5000')).toBeTruthy();
    await user.click(screen.getByLabelText('Select all'));
    await user.click(screen.getByText('1 selected'));
    await user.click(within(await screen.findByRole('menu')).getByText('Stop'));
    expect(run).toHaveBeenCalledWith([ROWS[4999]]);
  });

  it('says so when it is empty', () => {
    show(vi.fn(), []);
    expect(screen.getByText('There is nothing.')).toBeTruthy();
  });

  it('is accessible', async () => {
    const { container } = show(vi.fn(), ROWS.slice(0, 3));
    const { violations } = await axe.run(container, { rules: { region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });
});
