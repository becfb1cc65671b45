/**
 * Every text that people read, in English, in one place; another language is another set of these files. Texts with
 * values in them are functions.
 */
import { admin } from './admin';
import { instances } from './instances';
import { provider } from './provider';
import { resources } from './resources';
import { shell } from './shell';
import { ACTIONS, COMMANDS, OPERATIONS, STATUSES } from './words';

export const texts = { ...shell, ...instances, ...resources, ...admin, ...provider };

function readable(word: string): string {
  const text = word.replaceAll(/[-_.]/g, ' ').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const COMMAND_LINE = /\baloft [a-z]|(^|[\s(])--[a-z]/;

/** What to do, as it is done here: the plane's APIs speak to those at a command line, too. Nothing where only a command is known. */
export function remedyHere(remedy: string | undefined): string | undefined {
  if (remedy === undefined || !COMMAND_LINE.test(remedy)) return remedy;
  return COMMANDS.find(([words]) => remedy.includes(words))?.[1];
}

const KIND = /\b[a-z]+(?:[.-][a-z]+)+\b/g;

/** What happened, as it is said here: the plane names kinds of operations as its API does. */
export function messageHere(message: string): string {
  return message.replaceAll(KIND, (kind) => (kind in OPERATIONS ? `“${operationText(kind)}”` : kind));
}

/** What went wrong and what to do about it, as it is said here. */
export function toldHere({ message, remedy }: { message: string; remedy: string }): string {
  return `${messageHere(message)} ${remedyHere(remedy) ?? ''}`.trim();
}

/** A state of any of the APIs, as people say it. */
export function statusText(status: string): string {
  return STATUSES[status.toLowerCase()] ?? readable(status);
}

/** An action of Nova, as people say it. */
export function actionText(action: string): string {
  return ACTIONS[action] ?? readable(action);
}

/** A kind of operation of the plane, as people say it. */
export function operationText(kind: string): string {
  return OPERATIONS[kind] ?? (/^[a-z.-]+$/.test(kind) ? readable(kind) : kind);
}
