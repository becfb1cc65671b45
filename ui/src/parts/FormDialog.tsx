import {
  Button, Checkbox, Form, FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem, Modal, ModalBody,
  ModalFooter, ModalHeader, TextArea, TextInput,
} from '@patternfly/react-core';
import { type ReactNode, useId, useState } from 'react';

import { texts } from '../texts';
import { ErrorNote } from './ErrorState';

export interface Choice {
  value: string;
  title: string;
}

/** A field of a form; `many` gives the chosen values joined by commas. */
export interface Field {
  name: string;
  title: string;
  kind?: 'text' | 'number' | 'password' | 'time' | 'datetime-local' | 'area' | 'select' | 'many' | 'tick';
  choices?: readonly Choice[];
  initial?: string;
  required?: boolean;
  help?: string;
  placeholder?: string;
  minimum?: number;
  /** Shown only when the values so far say so. */
  when?: (values: Values) => boolean;
}

export type Values = Record<string, string>;

/** What a field holds: what a person gave it, else what it begins with; of choices the first one, where that cannot be chosen. */
function valueOf({ initial, kind, choices = [] }: Field, given?: string): string {
  if (kind !== 'select') return given ?? initial ?? '';
  return [given, initial].find((one) => choices.some(({ value }) => value === one)) ?? choices[0]?.value ?? '';
}

/** A form in a window of its own; its choices may still come while it is filled in. Stays open and says why when the request fails. */
export function FormDialog({ title, lead, fields, send, action, danger, close, check, children }: {
  title: string;
  lead?: ReactNode;
  fields: readonly Field[];
  action: string;
  danger?: boolean;
  send: (values: Values) => Promise<unknown>;
  close: () => void;
  /** What is wrong with the values, or nothing. */
  check?: (values: Values) => string | undefined;
  children?: (values: Values) => ReactNode;
}) {
  const id = useId();
  const [given, setGiven] = useState<Values>({});
  const values = Object.fromEntries(fields.map((field) => [field.name, valueOf(field, given[field.name])]));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const shown = fields.filter(({ when }) => when?.(values) !== false);
  const missing = shown.some(({ name, required }) => required === true && (values[name] ?? '').trim() === '');
  const wrong = check?.(values);
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await send(Object.fromEntries(shown.map(({ name }) => [name, values[name] ?? ''])));
      close();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <Modal isOpen variant="small" onClose={close} aria-labelledby={`${id}-title`}>
      <ModalHeader title={title} labelId={`${id}-title`} titleIconVariant={danger === true ? 'warning' : undefined} />
      <ModalBody>
        <Form
          id={id}
          onSubmit={(event) => {
            event.preventDefault();
            if (!missing && wrong === undefined && !busy) void submit();
          }}
        >
          {lead !== undefined && <div>{lead}</div>}
          {shown.map((field, place) => (
            <FieldOf
              key={field.name}
              id={`${id}-${field.name}`}
              field={field}
              value={values[field.name] ?? ''}
              first={place === 0}
              set={(value) => setGiven({ ...given, [field.name]: value })}
            />
          ))}
          {children?.(values)}
          {wrong !== undefined && <HelperText><HelperTextItem variant="error">{wrong}</HelperTextItem></HelperText>}
          <ErrorNote error={error} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={id} variant={danger === true ? 'danger' : 'primary'} isLoading={busy} isDisabled={busy || missing || wrong !== undefined}>
          {action}
        </Button>
        <Button variant="link" onClick={close}>{texts.actions.cancel}</Button>
      </ModalFooter>
    </Modal>
  );
}

function FieldOf({ id, field, value, set, first }: {
  id: string;
  field: Field;
  value: string;
  first: boolean;
  set: (value: string) => void;
}) {
  const { kind = 'text', title, choices = [], required, placeholder, minimum } = field;
  const help = kind === 'select' && choices.length === 0 ? texts.form.nothing : field.help;
  const common = { id, value, isRequired: required, 'aria-describedby': help === undefined ? undefined : `${id}-help` };
  const helper = help !== undefined && (
    <FormHelperText><HelperText id={`${id}-help`}><HelperTextItem>{help}</HelperTextItem></HelperText></FormHelperText>
  );
  if (kind === 'tick') {
    return (
      <FormGroup fieldId={id}>
        <Checkbox id={id} label={title} isChecked={value === 'true'} onChange={(_event, on) => set(on ? 'true' : '')} />
        {helper}
      </FormGroup>
    );
  }
  if (kind === 'many') {
    const chosen = new Set(value.split(',').filter(Boolean));
    return (
      <FormGroup label={title} role="group" isStack isRequired={required}>
        {choices.map((choice) => (
          <Checkbox
            key={choice.value}
            id={`${id}-${choice.value}`}
            label={choice.title}
            isChecked={chosen.has(choice.value)}
            onChange={(_event, on) => {
              if (on) chosen.add(choice.value);
              else chosen.delete(choice.value);
              set([...chosen].join(','));
            }}
          />
        ))}
        {helper}
      </FormGroup>
    );
  }
  return (
    <FormGroup label={title} fieldId={id} isRequired={required}>
      {kind === 'select' ? (
        <FormSelect {...common} onChange={(_event, next) => set(next)}>
          {choices.map((choice) => <FormSelectOption key={choice.value} value={choice.value} label={choice.title} />)}
        </FormSelect>
      ) : kind === 'area' ? (
        <TextArea {...common} rows={5} resizeOrientation="vertical" placeholder={placeholder} onChange={(_event, next) => set(next)} />
      ) : (
        <TextInput {...common} type={kind} min={minimum} placeholder={placeholder} autoFocus={first} autoComplete={kind === 'password' ? 'new-password' : 'off'} onChange={(_event, next) => set(next)} />
      )}
      {helper}
    </FormGroup>
  );
}

/** Ask before something that cannot be taken back, saying what will happen. */
export function ConfirmDialog({ title, children, action, send, close, typed }: {
  title: string;
  children: ReactNode;
  action: string;
  send: () => Promise<unknown>;
  close: () => void;
  /** A name that has to be typed first. */
  typed?: string;
}) {
  return (
    <FormDialog
      title={title}
      lead={children}
      danger
      action={action}
      close={close}
      send={send}
      fields={typed === undefined ? [] : [{ name: 'typed', title: texts.confirm.type(typed), required: true }]}
      check={({ typed: given = '' }) => (typed === undefined || given === typed || given === '' ? undefined : texts.confirm.differs)}
    />
  );
}
