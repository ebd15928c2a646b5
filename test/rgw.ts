/** Ceph's RADOS Gateway on loopback, from its distribution's packages: one monitor, one OSD in memory, one gateway. */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VIRTUAL_DOMAIN } from './conformance/suites';
import {
  type Certificates,
  CREDENTIALS,
  command,
  connected,
  Daemon,
  freeEndpoints,
  freePort,
  type Server,
} from './servers';

/** What it takes, all of it in Debian's and Ubuntu's ceph-mon, ceph-osd and radosgw. */
export const RGW_COMMANDS = ['ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'monmaptool', 'ceph'] as const;

export interface Rgw {
  readonly plain: Server;
  readonly tls: Server;
  stop(): Promise<void>;
}

/** Starts one that answers on four ports, with TLS on two of them. The folder is to be empty, and its path short. */
export async function startRgw(folder: string, tls: Certificates): Promise<Rgw> {
  const http = await freeEndpoints('http');
  const https = await freeEndpoints('https');
  const mon = await freePort();
  const conf = join(folder, 'ceph.conf');
  const listen = [
    ...http.map((endpoint) => `endpoint=${new URL(endpoint).host}`),
    ...https.map((endpoint) => `ssl_endpoint=${new URL(endpoint).host}`),
  ].join(' ');
  await Promise.all(['mon', 'osd'].map((name) => mkdir(join(folder, name))));
  await writeFile(conf, configuration(folder, mon, listen, tls));

  const daemons: Daemon[] = [];
  const start = (name: string, path: string, ...args: string[]): Daemon => {
    const daemon = new Daemon(path, ['-c', conf, ...args, '-f'], join(folder, `${name}.out`));
    daemons.unshift(daemon);
    return daemon;
  };
  const stop = async () => {
    for (const daemon of daemons) await daemon.stop();
  };
  try {
    const map = join(folder, 'monmap');
    await command('monmaptool', '--create', '--addv', 'a', `[v2:127.0.0.1:${mon}]`, map);
    const monData = ['--mon-data', join(folder, 'mon')];
    await command('ceph-mon', '-c', conf, '-i', 'a', '--mkfs', '--monmap', map, ...monData);
    const monitor = start('mon', 'ceph-mon', '-i', 'a', ...monData);

    const osd = randomUUID();
    await monitor.answers(() => command('ceph', '-c', conf, '--connect-timeout', '5', 'osd', 'new', osd));
    const osdData = ['--osd-data', join(folder, 'osd')];
    await command('ceph-osd', '-c', conf, '-i', '0', '--mkfs', '--osd-uuid', osd, ...osdData);
    start('osd', 'ceph-osd', '-i', '0', ...osdData);

    const gateway = start('rgw', 'radosgw', '-n', 'client.rgw');
    await gateway.answers(() => Promise.all([...http, ...https].map(connected)));
    const keys = ['--access-key', CREDENTIALS.accessKeyId, '--secret-key', CREDENTIALS.secretAccessKey];
    const user = ['user', 'create', '--uid', 'test', '--display-name', 'test', ...keys];
    await command('radosgw-admin', '-c', conf, '-n', 'client.rgw', ...user);
  } catch (error) {
    await stop();
    throw error;
  }
  // RGW checks no region, but takes only its own as the place of a new bucket; us-east-1 names none.
  const common = { region: 'us-east-1', ...CREDENTIALS };
  return {
    plain: { endpoints: http, ...common },
    tls: { endpoints: https, ca: tls.ca, ...common },
    stop,
  };
}

/**
 * https://docs.ceph.com/en/pacific/radosgw/config-ref. Without cephx there are no keys to hand out, but the gateway then
 * asks the monitor for a secure link, which needs them: so its mode is crc. Short paxos intervals make the start quick;
 * tcp_nodelay saves 40 ms a request; gc frees what was deleted within seconds, as memstore must hold it all.
 */
function configuration(folder: string, mon: number, listen: string, { cert, key }: Certificates): string {
  return `[global]
mon host = [v2:127.0.0.1:${mon}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = ${folder}
log file = ${folder}/$name.log
mon cluster log file = ${folder}/cluster.log
mon data avail crit = 1
paxos propose interval = 0.05
mon allow pool size one = true
osd pool default size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = ${2 * 1024 ** 3}
[client.rgw]
ms mon client mode = crc
rgw frontends = beast ${listen} tcp_nodelay=1 ssl_certificate=${cert} ssl_private_key=${key}
rgw dns name = ${VIRTUAL_DOMAIN}
rgw crypt require ssl = false
rgw gc obj min wait = 5
rgw gc processor period = 5
`;
}
