/** Light or dark: as the system has it, or as was chosen here. */
import { useEffect } from 'react';

import { useRemembered } from '../parts/remembered';

export type Theme = 'system' | 'light' | 'dark';

const DARK = '(prefers-color-scheme: dark)';
const CLASS = 'pf-v6-theme-dark';

/** The theme that was chosen, and how to choose another; sets it on the page. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useRemembered<Theme>('theme', 'system');
  useEffect(() => {
    const media = window.matchMedia(DARK);
    const apply = () => document.documentElement.classList.toggle(CLASS, theme === 'dark' || (theme === 'system' && media.matches));
    apply();
    media.addEventListener('change', apply);
    return () => media.removeEventListener('change', apply);
  }, [theme]);
  return [theme, setTheme];
}
