import { useScope } from '../../api/scope';
import { useSession } from '../../api/session';

/** The customer and region that an administrator's page is about. */
export function useRegion(): { customer: string; region: string } {
  const { region } = useScope();
  return { customer: useSession().customer ?? '', region };
}
