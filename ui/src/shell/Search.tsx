import { Modal, TextInputGroup, TextInputGroupMain } from '@patternfly/react-core';
import SearchIcon from '@patternfly/react-icons/dist/esm/icons/search-icon';
import { useQueries } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { useNavigate } from 'react-router';

import { planeQueries } from '../api/plane';
import { queries } from '../api/queries';
import type { Scope } from '../api/scope';
import { useSession } from '../api/session';
import { type Found, find, foundInProject, foundInPlane, foundPages } from '../model/search';
import { texts } from '../texts';
import { navigation } from './navigation';

const SHOWN = 12;

/** Find anything by name, address or identifier, with the keyboard alone. */
export default function Search({ scope, close }: { scope: Scope | null; close: () => void }) {
  const session = useSession();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const wanted = useDeferredValue(text);
  const inProject = scope !== null;
  const s = scope ?? { project: '', region: '' };
  const [instances, volumes, images, networks, routers, floating, groups, subnets] = useQueries({
    queries: [
      { ...queries.instances(s), enabled: inProject }, { ...queries.volumes(s), enabled: inProject },
      { ...queries.images(s), enabled: inProject }, { ...queries.networks(s), enabled: inProject },
      { ...queries.routers(s), enabled: inProject }, { ...queries.floatingIps(s), enabled: inProject },
      { ...queries.securityGroups(s), enabled: inProject }, { ...queries.subnets(s), enabled: inProject },
    ],
  });
  const wide = session.administrator || session.face === 'provider';
  const [hosts, customers] = useQueries({
    queries: [
      { ...planeQueries.hosts(), enabled: wide },
      { ...planeQueries.customers(), enabled: session.face === 'provider' },
    ],
  });
  const everything: Found[] = [
    ...foundPages(navigation(session, scope)),
    ...(scope === null ? [] : foundInProject(scope, {
      instances: instances.data, volumes: volumes.data, images: images.data, networks: networks.data, routers: routers.data,
      floating: floating.data, groups: groups.data, subnets: subnets.data,
    })),
    ...foundInPlane(session, hosts.data, customers.data),
  ];
  const results = find(everything, wanted).slice(0, SHOWN);
  const chosen = Math.min(at, Math.max(0, results.length - 1));
  const open = (found: Found | undefined) => {
    if (found === undefined) return;
    close();
    void navigate(found.to);
  };
  return (
    <Modal isOpen variant="medium" position="top" onClose={close} aria-label={texts.search.title} className="al-find">
      <TextInputGroup>
        <TextInputGroupMain
          inputProps={{ autoFocus: true }}
          icon={<SearchIcon />}
          role="combobox"
          aria-label={texts.search.title}
          aria-controls="al-found"
          isExpanded={results.length > 0}
          aria-activedescendant={results.length > 0 ? `al-found-${chosen}` : undefined}
          placeholder={texts.search.hint}
          value={text}
          onChange={(_event, value) => { setText(value); setAt(0); }}
          onKeyDown={(event) => {
            const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
            if (step !== undefined) {
              event.preventDefault();
              setAt(Math.max(0, Math.min(results.length - 1, chosen + step)));
            }
            if (event.key === 'Enter') open(results[chosen]);
          }}
        />
      </TextInputGroup>
      <ul id="al-found" role="listbox" aria-label={texts.search.results} className="al-found">
        {results.map((found, index) => (
          <li
            key={found.to + found.id}
            id={`al-found-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseEnter={() => setAt(index)}
            onClick={() => open(found)}
          >
            <span className="al-quiet">{found.kind}</span>
            <span className="al-cell">{found.title}</span>
            <span className="al-quiet al-cell">{found.detail}</span>
          </li>
        ))}
      </ul>
      {wanted !== '' && results.length === 0 && <p className="al-quiet">{texts.search.nothing}</p>}
    </Modal>
  );
}
