import { useParams } from 'react-router';

import { HostPage } from '../admin/HostDetail';

/** One host of a customer. */
export default function ProviderHostDetail() {
  const { customer = '', region = '', name = '' } = useParams();
  return <HostPage customer={customer} region={region} name={name} list="/provider/hosts" />;
}
