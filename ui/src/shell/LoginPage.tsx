import { Alert, Button, Form, FormGroup, TextInput, Title } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { faceQuery, useSessionActions } from '../api/session';
import { ErrorNote } from '../parts/ErrorState';
import { texts } from '../texts';
import { useTheme } from './theme';

/** Log in; the address stays as it is, so that one arrives where one wanted to go. */
export function LoginPage({ ended }: { ended: boolean }) {
  useTheme();
  const { data: face, error: faceError } = useQuery(faceQuery);
  const { logIn } = useSessionActions();
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [domain, setDomain] = useState('');
  const [more, setMore] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const customer = face?.face === 'customer';
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await logIn({ user, password, ...(customer && domain !== '' ? { domain } : {}) });
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <main className="al-login">
      <section className="al-login-card">
        <img src="/favicon.svg" alt="" width="48" height="48" />
        <Title headingLevel="h1" size="2xl">{texts.login.title(face?.customer ?? null)}</Title>
        <p className="al-quiet">{customer ? texts.login.customerLead : texts.login.providerLead}</p>
        {ended && error === null && <Alert isInline variant="info" title={texts.login.ended}>{texts.login.endedBody}</Alert>}
        <Form onSubmit={(event) => { event.preventDefault(); if (!busy) void submit(); }}>
          <FormGroup label={texts.login.user} fieldId="user" isRequired>
            <TextInput id="user" name="username" autoComplete="username" autoFocus isRequired value={user} onChange={(_event, value) => setUser(value)} />
          </FormGroup>
          <FormGroup label={texts.login.password} fieldId="password" isRequired>
            <TextInput id="password" name="password" type="password" autoComplete="current-password" isRequired value={password} onChange={(_event, value) => setPassword(value)} />
          </FormGroup>
          {more && (
            <FormGroup label={texts.login.domain} fieldId="domain">
              <TextInput id="domain" name="domain" placeholder={texts.login.domainDefault} value={domain} onChange={(_event, value) => setDomain(value)} />
            </FormGroup>
          )}
          <ErrorNote error={error ?? faceError} />
          <Button type="submit" isBlock isLoading={busy} isDisabled={busy || user === '' || password === ''}>{texts.login.action}</Button>
          {customer && !more && <Button variant="link" isInline onClick={() => setMore(true)}>{texts.login.more}</Button>}
        </Form>
      </section>
      {face !== undefined && <footer className="al-quiet">{texts.login.foot(face.domain, face.version)}</footer>}
    </main>
  );
}
