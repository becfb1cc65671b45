import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { aServer } from '../../testing/servers';
import { texts } from '../../texts';
import { Console } from './Console';

const t = texts.console;

/** The browser's: the test closes it as the back end would. */
class Socket extends EventTarget {
  static all: Socket[] = [];
  constructor(readonly url: string) {
    super();
    Socket.all.push(this);
  }
}

/** Tells no more of an end than noVNC does. */
vi.mock('@novnc/novnc', () => ({
  default: class extends EventTarget {
    disconnect = () => undefined;
    constructor(_target: HTMLElement, channel: EventTarget) {
      super();
      channel.addEventListener('close', () => this.dispatchEvent(new CustomEvent('disconnect', { detail: { clean: false } })));
    }
  },
}));

function close(code: number, reason: string): void {
  act(() => void Socket.all.at(-1)?.dispatchEvent(new CloseEvent('close', { code, reason })));
}

async function shown(): Promise<void> {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Console scope={{ project: 'p 1', region: 'r' }} server={aServer()} />
    </QueryClientProvider>,
  );
  await vi.waitFor(() => expect(Socket.all).toHaveLength(1));
}

describe('the console', () => {
  beforeEach(() => {
    Socket.all = [];
    vi.stubGlobal('WebSocket', Socket);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('is asked for in the project of the page', async () => {
    await shown();
    expect(Socket.all[0]?.url).toMatch(/\/console\/r\/i-1\?project=p\+1$/);
  });

  it.each([[4401, 'Your session has ended.'], [4403, 'You may not see it.'], [4404, 'There is no such instance.']])(
    'that was closed with %i says why and is not tried again', async (code, reason) => {
      await shown();
      close(code, reason);
      expect(screen.getByText(reason)).toBeTruthy();
      await act(() => vi.runAllTimersAsync());
      expect(Socket.all).toHaveLength(1);
    });

  it.each([[4409, 'It has no console now. Start it first.'], [4502, 'Its host does not answer.'], [1006, '']])(
    'that was closed with %i says why and is tried again', async (code, reason) => {
      await shown();
      close(code, reason);
      expect(screen.getByText(`${reason} ${t.again}`.trim())).toBeTruthy();
      await act(() => vi.advanceTimersByTimeAsync(1000));
      expect(Socket.all).toHaveLength(2);
    });
});
