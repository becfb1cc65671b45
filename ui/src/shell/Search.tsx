import { Modal, TextInputGroup, TextInputGroupMain } from '@patternfly/react-core';
import SearchIcon from '@patternfly/react-icons/dist/esm/icons/search-icon';
import { useQueries, type UseQueryOptions, type UseQueryResult } from '@tanstack/react-query';
import { useCallback, useDeferredValue, useMemo, useState } from 'react';
import { useNavigate } from 'react-router';

import type { Scope } from '../api/scope';
import { useSession } from '../api/session';
import { type Found, find, foundPages } from '../model/search';
import { texts } from '../texts';
import { navigation } from './navigation';
import { OTHERS, others, sources } from './sources';

const SHOWN = 12;

/** From how many characters on other projects are looked through, whose lists no page has asked for. */
const ENOUGH = 2;

/** Find anything by name, address or identifier, with the keyboard alone. */
export default function Search({ scope, close }: { scope: Scope | null; close: () => void }) {
  const session = useSession();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const wanted = useDeferredValue(text);
  const looked = useMemo(() => sources(session, scope), [session, scope]);
  const pages = useMemo(() => foundPages(navigation(session, scope)), [session, scope]);
  const combine = useCallback((told: UseQueryResult[]) => ({
    everything: [...pages, ...told.flatMap(({ data }, place) => (data === undefined ? [] : looked[place]?.found(data) ?? []))],
    waiting: told.some(({ isLoading }) => isLoading),
    silent: [...new Set(told.flatMap(({ isError, data }, place) => (isError && data === undefined ? [looked[place]?.where ?? ''] : [])))],
  }), [looked, pages]);
  const { everything, waiting, silent } = useQueries({
    queries: looked.map(({ query, far = false }) => ({ ...query, enabled: !far || wanted.trim().length >= ENOUGH }) as UseQueryOptions), combine,
  });
  const results = useMemo(() => find(everything, wanted).slice(0, SHOWN), [everything, wanted]);
  const left = others(session, scope).length - OTHERS;
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
      <p role="status" className="al-quiet">
        {wanted !== '' && results.length === 0 && !waiting && texts.search.nothing} {wanted !== '' && waiting && texts.search.waiting}
        {' '}{wanted !== '' && left > 0 && texts.search.left(left)}
        {' '}{silent.length > 0 && texts.search.silent(silent.join(', '))}
      </p>
    </Modal>
  );
}
