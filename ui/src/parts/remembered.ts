import { useCallback, useState } from 'react';

/** A value that this browser remembers under a name; nothing secret. */
export function useRemembered<T>(name: string, otherwise: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => {
    try {
      const text = localStorage.getItem(`aloft.${name}`);
      return text === null ? otherwise : (JSON.parse(text) as T);
    } catch {
      return otherwise;
    }
  });
  const set = useCallback((next: T) => {
    setValue(next);
    try {
      localStorage.setItem(`aloft.${name}`, JSON.stringify(next));
    } catch {
      // A browser that keeps nothing still shows the page.
    }
  }, [name]);
  return [value, set];
}
