import { lazy } from 'react';
import { Route, Routes } from 'react-router';

import { adminPath, useScope } from '../../api/scope';
import { ErrorState } from '../../parts/ErrorState';
import { texts } from '../../texts';

const Hosts = lazy(() => import('./Hosts'));
const HostDetail = lazy(() => import('./HostDetail'));
const NetworkTemplatePage = lazy(() => import('./NetworkTemplatePage'));
const Sync = lazy(() => import('./Sync'));
const Aggregates = lazy(() => import('./Aggregates'));
const Zones = lazy(() => import('./Zones'));
const Flavors = lazy(() => import('./Flavors'));
const Regions = lazy(() => import('./Regions'));
const Projects = lazy(() => import('./Projects'));
const Users = lazy(() => import('./Users'));
const Quotas = lazy(() => import('./Quotas'));
const Backups = lazy(() => import('./Backups'));
const Settings = lazy(() => import('./Settings'));
const Operations = lazy(() => import('../operations/Operations'));
const OperationDetail = lazy(() => import('../operations/OperationDetail'));
const Audit = lazy(() => import('./Audit'));

/** The pages of a customer's administrator. */
export default function AdminPages() {
  const operations = adminPath(useScope().region, 'operations');
  return (
    <Routes>
      <Route path="hosts" element={<Hosts />} />
      <Route path="hosts/:name" element={<HostDetail />} />
      <Route path="network-template" element={<NetworkTemplatePage />} />
      <Route path="sync/:tab?" element={<Sync />} />
      <Route path="aggregates" element={<Aggregates />} />
      <Route path="zones" element={<Zones />} />
      <Route path="flavors" element={<Flavors />} />
      <Route path="regions" element={<Regions />} />
      <Route path="projects" element={<Projects />} />
      <Route path="users" element={<Users />} />
      <Route path="quotas" element={<Quotas />} />
      <Route path="backups" element={<Backups />} />
      <Route path="settings" element={<Settings />} />
      <Route path="operations" element={<Operations base={operations} />} />
      <Route path="operations/:id" element={<OperationDetail base={operations} />} />
      <Route path="audit" element={<Audit />} />
      <Route path="*" element={<ErrorState error={new Error(texts.errors.noPage)} />} />
    </Routes>
  );
}
