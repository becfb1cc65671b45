import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useSearchParams } from 'react-router';

/** Puts values in; an empty one is taken out. */
export type ChangeQuery = (changes: Record<string, string>) => void;

const PAUSE = 300;

/**
 * The query of the address as a page uses it: a change holds at once, and is written into the address when the person
 * pauses, since everything around the page hears of a new address.
 */
export function useAddressQuery(): [URLSearchParams, ChangeQuery] {
  const [address, setAddress] = useSearchParams();
  const told = address.toString();
  const [text, setText] = useState(told);
  // The addresses that were asked for, the oldest first: they come one after another, and later than they were asked for.
  const asked = useRef([told]);
  useEffect(() => {
    const place = asked.current.lastIndexOf(told);
    if (place < 0) setText(told);
    asked.current = place < 0 ? [told] : asked.current.slice(place);
  }, [told]);
  useEffect(() => {
    if (text === asked.current.at(-1)) return undefined;
    const timer = setTimeout(() => {
      asked.current.push(text);
      setAddress(new URLSearchParams(text), { replace: true });
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [text, setAddress]);
  const change = useCallback((changes: Record<string, string>) => setText((before) => {
    const after = new URLSearchParams(before);
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') after.delete(name);
      else after.set(name, value);
    }
    return after.toString();
  }), []);
  return [useMemo(() => new URLSearchParams(text), [text]), change];
}
