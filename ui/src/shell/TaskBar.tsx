import { Button, Label, Progress, Spinner } from '@patternfly/react-core';
import AngleDownIcon from '@patternfly/react-icons/dist/esm/icons/angle-down-icon';
import AngleUpIcon from '@patternfly/react-icons/dist/esm/icons/angle-up-icon';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import InProgressIcon from '@patternfly/react-icons/dist/esm/icons/in-progress-icon';
import { Link } from 'react-router';

import { useConnection } from '../api/stream';
import { duration } from '../model/format';
import { Ago } from '../parts/Ago';
import { useRemembered } from '../parts/remembered';
import { texts } from '../texts';
import { type Task, useTasks } from './tasks';

const SIGNS = {
  running: <Spinner size="sm" aria-label={texts.tasks.running} />,
  accepted: <InProgressIcon aria-hidden={false} role="img" aria-label={texts.tasks.accepted} />,
  succeeded: <CheckCircleIcon className="al-good" aria-hidden={false} role="img" aria-label={texts.tasks.succeeded} />,
  failed: <ExclamationCircleIcon className="al-bad" aria-hidden={false} role="img" aria-label={texts.tasks.failed} />,
};

/** What runs and what ran lately, at the foot of every page. */
export function TaskBar() {
  const tasks = useTasks();
  const connection = useConnection();
  const [open, setOpen] = useRemembered('tasks', false);
  const running = tasks.filter(({ state }) => state === 'running').length;
  const latest = tasks[0];
  return (
    <section className="al-tasks" aria-label={texts.tasks.title}>
      <div className="al-tasks-bar">
        <Button
          variant="plain"
          size="sm"
          aria-expanded={open}
          icon={open ? <AngleDownIcon /> : <AngleUpIcon />}
          onClick={() => setOpen(!open)}
        >
          {texts.tasks.title}
        </Button>
        {running > 0 && <Label isCompact color="blue">{texts.tasks.count(running)}</Label>}
        {!open && latest !== undefined && (
          <span className="al-tasks-latest" role="status">
            {SIGNS[latest.state]} {latest.title} {latest.subject}
          </span>
        )}
        <span className={`al-live al-live-${connection}`} title={texts.connection[connection].long}>
          {texts.connection[connection].short}
        </span>
      </div>
      {open && (
        <div className="al-tasks-list" tabIndex={0} role="region" aria-label={texts.tasks.title}>
          {tasks.length === 0 && <p className="al-quiet">{texts.tasks.none}</p>}
          <ul>{tasks.map((task) => <Line key={task.id} task={task} />)}</ul>
        </div>
      )}
    </section>
  );
}

function Line({ task }: { task: Task }) {
  const { title, subject, who, state, started, ended, error, link, progress } = task;
  return (
    <li>
      <span>{SIGNS[state]}</span>
      <span>{title}</span>
      <span className="al-cell">{link === undefined ? subject : <Link to={link}>{subject}</Link>}</span>
      <span className="al-cell al-quiet">{who}</span>
      <span className="al-quiet"><Ago at={started} /></span>
      <span className="al-quiet">
        {state === 'running' && progress !== undefined
          ? <Progress value={Math.round(progress * 100)} size="sm" aria-label={title} measureLocation="outside" />
          : state === 'accepted' ? texts.tasks.accepted : ended !== undefined && duration(started, ended)}
      </span>
      {error !== undefined && <span className="al-tasks-error">{error}</span>}
    </li>
  );
}
