import { lazy } from 'react';
import { Route, Routes } from 'react-router';

import { ErrorState } from '../../parts/ErrorState';
import { texts } from '../../texts';

const Health = lazy(() => import('./Health'));
const Customers = lazy(() => import('./Customers'));
const CustomerDetail = lazy(() => import('./CustomerDetail'));
const Controllers = lazy(() => import('./Controllers'));
const ProviderHosts = lazy(() => import('./ProviderHosts'));
const ProviderHostDetail = lazy(() => import('./ProviderHostDetail'));
const Nodes = lazy(() => import('./Nodes'));
const Releases = lazy(() => import('./Releases'));
const Upgrades = lazy(() => import('./Upgrades'));
const Operations = lazy(() => import('../operations/Operations'));
const OperationDetail = lazy(() => import('../operations/OperationDetail'));
const AllBackups = lazy(() => import('./AllBackups'));
const Repositories = lazy(() => import('./Repositories'));
const Accounts = lazy(() => import('./Accounts'));
const Logs = lazy(() => import('./Logs'));
const RepositoryDetail = lazy(() => import('./RepositoryDetail'));
const Audit = lazy(() => import('../admin/Audit'));

const OPERATIONS = '/provider/operations';

/** The pages of those who run Aloft. */
export default function ProviderPages() {
  return (
    <Routes>
      <Route index element={<Health />} />
      <Route path="customers" element={<Customers />} />
      <Route path="customers/:name/:tab?" element={<CustomerDetail />} />
      <Route path="controllers" element={<Controllers />} />
      <Route path="hosts" element={<ProviderHosts />} />
      <Route path="hosts/:customer/:region/:name" element={<ProviderHostDetail />} />
      <Route path="nodes" element={<Nodes />} />
      <Route path="releases" element={<Releases />} />
      <Route path="upgrades" element={<Upgrades />} />
      <Route path="operations" element={<Operations base={OPERATIONS} />} />
      <Route path="operations/:id" element={<OperationDetail base={OPERATIONS} />} />
      <Route path="backups" element={<AllBackups />} />
      <Route path="repositories" element={<Repositories />} />
      <Route path="accounts" element={<Accounts />} />
      <Route path="logs" element={<Logs />} />
      <Route path="repositories/:name" element={<RepositoryDetail />} />
      <Route path="audit" element={<Audit />} />
      <Route path="*" element={<ErrorState error={new Error(texts.errors.noPage)} />} />
    </Routes>
  );
}
