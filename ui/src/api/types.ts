/** What the OpenStack APIs give, as far as pages show it. Field names are the APIs' own. */

export interface Server {
  id: string;
  name: string;
  status: string;
  tenant_id: string;
  user_id: string;
  created: string;
  updated: string;
  description: string | null;
  locked: boolean;
  locked_reason?: string | null;
  progress?: number;
  key_name: string | null;
  config_drive: string;
  tags: string[];
  metadata: Record<string, string>;
  addresses: Record<string, Address[]>;
  flavor: ServerFlavor;
  image: { id: string } | '' | null;
  security_groups?: { name: string }[];
  fault?: { code: number; message: string; created: string };
  'OS-EXT-STS:vm_state': string;
  'OS-EXT-STS:task_state': string | null;
  'OS-EXT-STS:power_state': number;
  'OS-EXT-AZ:availability_zone': string;
  'OS-EXT-SRV-ATTR:host'?: string | null;
  'OS-EXT-SRV-ATTR:instance_name'?: string;
  'OS-SRV-USG:launched_at': string | null;
  'os-extended-volumes:volumes_attached': { id: string; delete_on_termination: boolean }[];
}

export interface Address {
  addr: string;
  version: 4 | 6;
  'OS-EXT-IPS:type'?: 'fixed' | 'floating';
  'OS-EXT-IPS-MAC:mac_addr'?: string;
}

/** `ram` in MiB, `disk` in GiB. */
export interface ServerFlavor {
  original_name: string;
  vcpus: number;
  ram: number;
  disk: number;
  ephemeral: number;
  swap: number;
  extra_specs?: Record<string, string>;
}

/** `ram` in MiB, `disk` in GiB, `swap` in MiB (or empty text). */
export interface Flavor {
  id: string;
  name: string;
  vcpus: number;
  ram: number;
  disk: number;
  swap: number | '';
  'OS-FLV-EXT-DATA:ephemeral': number;
  'os-flavor-access:is_public': boolean;
  description: string | null;
  extra_specs?: Record<string, string>;
}

export interface InstanceAction {
  action: string;
  instance_uuid: string;
  request_id: string;
  user_id: string | null;
  project_id: string | null;
  start_time: string;
  updated_at: string | null;
  message: string | null;
  events?: { event: string; start_time: string; finish_time: string | null; result: string | null; details?: string | null }[];
}

export interface Keypair {
  id: string;
  name: string;
  fingerprint: string;
  type: string;
  public_key: string;
  created_at?: string;
}

/** `size` in GiB. */
export interface Volume {
  id: string;
  name: string;
  description: string | null;
  status: string;
  size: number;
  volume_type: string | null;
  bootable: string;
  encrypted: boolean;
  multiattach: boolean;
  availability_zone: string;
  created_at: string;
  snapshot_id: string | null;
  attachments: { server_id: string; attachment_id: string; device: string; volume_id: string }[];
  volume_image_metadata?: Record<string, string>;
  metadata: Record<string, string>;
}

export interface VolumeSnapshot {
  id: string;
  name: string;
  description: string | null;
  status: string;
  size: number;
  volume_id: string;
  created_at: string;
}

/** `size` in bytes, `min_disk` in GiB, `min_ram` in MiB. */
export interface Image {
  id: string;
  name: string | null;
  status: string;
  visibility: 'public' | 'private' | 'shared' | 'community';
  protected: boolean;
  owner: string;
  size: number | null;
  virtual_size: number | null;
  disk_format: string | null;
  container_format: string | null;
  min_disk: number;
  min_ram: number;
  created_at: string;
  os_distro?: string;
  image_type?: string;
  instance_uuid?: string;
  base_image_ref?: string;
  /** Set by the sync service on images that it found in a library's folder. */
  aloft_provenance?: string;
}

export interface Network {
  id: string;
  name: string;
  status: string;
  admin_state_up: boolean;
  shared: boolean;
  'router:external': boolean;
  subnets: string[];
  mtu: number;
  project_id: string;
  port_security_enabled?: boolean;
  'provider:network_type'?: string;
  'provider:physical_network'?: string | null;
  'provider:segmentation_id'?: number | null;
  description?: string;
}

export interface Subnet {
  id: string;
  name: string;
  network_id: string;
  cidr: string;
  ip_version: 4 | 6;
  gateway_ip: string | null;
  enable_dhcp: boolean;
  dns_nameservers: string[];
  allocation_pools: { start: string; end: string }[];
  project_id: string;
}

export interface Port {
  id: string;
  name: string;
  status: string;
  network_id: string;
  mac_address: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
  device_id: string;
  device_owner: string;
  security_groups: string[];
  port_security_enabled?: boolean;
  admin_state_up: boolean;
  project_id: string;
}

export interface Router {
  id: string;
  name: string;
  status: string;
  admin_state_up: boolean;
  project_id: string;
  external_gateway_info: { network_id: string; external_fixed_ips: { ip_address: string }[]; enable_snat?: boolean } | null;
}

export interface FloatingIp {
  id: string;
  floating_ip_address: string;
  fixed_ip_address: string | null;
  floating_network_id: string;
  port_id: string | null;
  status: string;
  description: string;
  project_id: string;
  port_details?: { device_id: string; device_owner: string; name: string } | null;
}

export interface SecurityGroup {
  id: string;
  name: string;
  description: string;
  project_id: string;
  security_group_rules: SecurityGroupRule[];
}

export interface SecurityGroupRule {
  id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  remote_group_id: string | null;
  description: string;
}

export interface AvailabilityZone {
  zoneName: string;
  zoneState: { available: boolean };
  hosts?: Record<string, Record<string, { available: boolean; active: boolean }>> | null;
}

export interface Aggregate {
  id: number;
  name: string;
  availability_zone: string | null;
  hosts: string[];
  metadata: Record<string, string>;
}

export interface ComputeService {
  id: string;
  binary: string;
  host: string;
  zone: string;
  status: 'enabled' | 'disabled';
  state: 'up' | 'down';
  disabled_reason: string | null;
  forced_down: boolean;
  updated_at: string;
}

export interface Project {
  id: string;
  name: string;
  description: string;
  enabled: boolean;
  domain_id: string;
}

export interface User {
  id: string;
  name: string;
  description?: string;
  email?: string;
  enabled: boolean;
  domain_id: string;
  default_project_id?: string;
}

export interface Role {
  id: string;
  name: string;
}

export interface RoleAssignment {
  role: { id: string; name?: string };
  user?: { id: string; name?: string };
  group?: { id: string };
  scope: { project?: { id: string; name?: string }; system?: unknown; domain?: { id: string } };
}
