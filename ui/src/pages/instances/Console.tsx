import { Alert, Button, Label, Switch } from '@patternfly/react-core';
import ExpandIcon from '@patternfly/react-icons/dist/esm/icons/expand-icon';
import ExternalLinkAltIcon from '@patternfly/react-icons/dist/esm/icons/external-link-alt-icon';
import type RFB from '@novnc/novnc';
import { type ReactNode, useEffect, useRef, useState } from 'react';

import { queryString } from '../../api/client';
import type { Scope } from '../../api/scope';
import type { Server } from '../../api/types';
import { offers } from '../../model/instanceActions';
import { keysyms } from '../../model/keys';
import { closedForGood, pauseBeforeTry } from '../../model/reconnect';
import { FormDialog } from '../../parts/FormDialog';
import { texts } from '../../texts';

const t = texts.console;

const STEADY_MILLISECONDS = 10_000;

type Link = { state: 'connecting' | 'connected' } | { state: 'closed'; reason: string; again: boolean };

/** The websocket of an instance's screen. */
export function consoleUrl(at: Location, { region, project }: Scope, id: string): string {
  const path = `/console/${encodeURIComponent(region)}/${encodeURIComponent(id)}${queryString({ project })}`;
  return `${at.protocol === 'https:' ? 'wss' : 'ws'}://${at.host}${path}`;
}

/** The screen of an instance, with keyboard and mouse; when the connection is lost, it is made again by itself. */
export function Console({ scope, server, own = false, power }: { scope: Scope; server: Server; own?: boolean; power?: ReactNode }) {
  const screen = useRef<HTMLDivElement>(null);
  const rfb = useRef<RFB>(null);
  const [link, setLink] = useState<Link>({ state: 'connecting' });
  const [attempt, setAttempt] = useState(0);
  const tries = useRef(0);
  const [viewOnly, setViewOnly] = useState(false);
  const [typing, setTyping] = useState(false);
  const { id } = server;
  const { region, project } = scope;
  const able = offers(server, 'console', true);

  useEffect(() => {
    const target = screen.current;
    if (target === null || !able) return undefined;
    let gone = false;
    let timer: number | undefined;
    setLink({ state: 'connecting' });
    void import('@novnc/novnc').then(({ default: Screen }) => {
      if (gone) return;
      // Its own socket: noVNC does not tell with which code and reason it was closed.
      const socket = new WebSocket(consoleUrl(window.location, { region, project }, id));
      let end: Pick<CloseEvent, 'code' | 'reason'> = { code: 0, reason: '' };
      socket.addEventListener('close', (event) => {
        end = event;
      });
      const connection = new Screen(target, socket, { shared: true });
      connection.scaleViewport = true;
      connection.background = '#1b1d21';
      connection.addEventListener('connect', () => {
        setLink({ state: 'connected' });
        connection.focus();
        timer = window.setTimeout(() => {
          tries.current = 0;
        }, STEADY_MILLISECONDS);
      });
      connection.addEventListener('disconnect', () => {
        if (gone) return;
        window.clearTimeout(timer);
        const pause = closedForGood(end.code) ? null : pauseBeforeTry(tries.current);
        setLink({ state: 'closed', reason: end.reason, again: pause !== null });
        if (pause === null) return;
        tries.current += 1;
        timer = window.setTimeout(() => setAttempt((number) => number + 1), pause);
      });
      rfb.current = connection;
    });
    return () => {
      gone = true;
      window.clearTimeout(timer);
      rfb.current?.disconnect();
      rfb.current = null;
      target.replaceChildren();
    };
  }, [region, project, id, attempt, able]);

  useEffect(() => {
    if (rfb.current !== null) rfb.current.viewOnly = viewOnly;
  }, [viewOnly, link]);

  const connected = link.state === 'connected';
  const connectAgain = () => {
    tries.current = 0;
    setAttempt(attempt + 1);
  };
  return (
    <div className={own ? 'al-console al-console-window' : 'al-console'}>
      <div className="al-row">
        <Label color={connected ? 'green' : link.state === 'closed' ? 'orange' : 'blue'} isCompact>
          {connected ? t.connected : link.state === 'closed' ? t.closed : t.connecting}
        </Label>
        <Button variant="secondary" size="sm" isDisabled={!connected} onClick={() => rfb.current?.sendCtrlAltDel()}>{t.ctrlAltDel}</Button>
        <Button variant="secondary" size="sm" isDisabled={!connected} onClick={() => setTyping(true)}>{t.paste}</Button>
        <Switch id="view-only" label={t.viewOnly} isChecked={viewOnly} onChange={(_event, on) => setViewOnly(on)} />
        {power}
        <Button variant="plain" icon={<ExpandIcon />} aria-label={t.fullscreen} title={t.fullscreen} onClick={() => void screen.current?.requestFullscreen()} />
        {!own && (
          <Button
            variant="link"
            icon={<ExternalLinkAltIcon />}
            onClick={() => window.open(`/console/${[project, region, id].map(encodeURIComponent).join('/')}`, `console-${id}`, 'width=1100,height=850')}
          >
            {t.window}
          </Button>
        )}
      </div>
      {!able && <Alert isInline variant="info" title={t.off}>{t.offRemedy}</Alert>}
      {able && link.state === 'closed' && (
        <Alert isInline variant="warning" title={t.closed} actionLinks={<Button variant="link" isInline onClick={connectAgain}>{t.reconnect}</Button>}>
          {[link.reason, link.again && t.again].filter(Boolean).join(' ')}
        </Alert>
      )}
      <div ref={screen} className="al-screen" aria-label={t.screen} role="application" data-state={link.state} />
      {typing && (
        <FormDialog
          title={t.paste}
          lead={t.pasteHelp}
          action={t.paste}
          fields={[{ name: 'text', title: t.paste, kind: 'area', required: true }]}
          close={() => setTyping(false)}
          send={({ text = '' }) => {
            for (const keysym of keysyms(text)) rfb.current?.sendKey(keysym, null);
            return Promise.resolve();
          }}
        />
      )}
    </div>
  );
}
