import type { ContainerConfig } from './oci-image.ts';

/** How to make an image that behaves like the official one of that name, as far as charts and Dockerfiles rely on it. */
export interface BaseImage {
  readonly name: string;
  /** Debian packages beyond a minimal system. */
  readonly packages: readonly string[];
  /** Shell text; $1 is the new root directory, $FILES the directory files/ here. */
  readonly beforePackages?: string;
  readonly afterPackages: string;
  readonly config: ContainerConfig;
  /** The Node binary that runs this, and npm, are put into the image. */
  readonly withNode?: boolean;
}

/** The suite that the official images of these tags are built on. */
export const debianSuite = 'trixie';

// Official images number their users; packages take whatever is free, unless the user is there already.
const user = (name: string, id: number, home: string, shell = '/usr/sbin/nologin'): string =>
  `echo '${name}:x:${id}:${id}::${home}:${shell}' >> "$1/etc/passwd"; echo '${name}:x:${id}:' >> "$1/etc/group"`;

function redisLike(name: string, product: 'redis' | 'valkey', packages: readonly string[]): BaseImage {
  return {
    name,
    packages,
    beforePackages: user(product, 999, '/data'),
    afterPackages: `
      install -d -o 999 -g 999 "$1/data"
      install -m 755 "$FILES/redis-entrypoint.sh" "$1/usr/local/bin/docker-entrypoint.sh"
      echo ${product}-server > "$1/usr/local/share/server-name"
      for program in server sentinel cli benchmark check-aof check-rdb; do
        [ -e "$1/usr/bin/${product}-$program" ] || ln -s ${product}-server "$1/usr/bin/${product}-$program"
        [ -e "$1/usr/bin/redis-$program" ] || ln -s ${product}-$program "$1/usr/bin/redis-$program"
      done`,
    config: {
      Entrypoint: ['docker-entrypoint.sh'],
      Cmd: [`${product}-server`],
      WorkingDir: '/data',
      Volumes: { '/data': {} },
      ExposedPorts: { '6379/tcp': {} },
    },
  };
}

const postgresMajor = 17;

export const baseImages: readonly BaseImage[] = [
  {
    name: 'node:24-trixie-slim',
    packages: ['libstdc++6', 'ca-certificates'],
    withNode: true,
    beforePackages: user('node', 1000, '/home/node', '/bin/bash'),
    afterPackages: `
      install -d -o 1000 -g 1000 "$1/home/node"
      install -m 755 "$FILES/node-entrypoint.sh" "$1/usr/local/bin/docker-entrypoint.sh"`,
    config: { Entrypoint: ['docker-entrypoint.sh'], Cmd: ['node'] },
  },
  redisLike('redis:8', 'redis', ['redis-server', 'redis-tools']),
  redisLike('valkey/valkey:8', 'valkey', ['valkey-server', 'valkey-tools']),
  {
    name: `postgres:${postgresMajor}`,
    packages: [`postgresql-${postgresMajor}`],
    beforePackages: `${user('postgres', 999, '/var/lib/postgresql', '/bin/bash')}
      mkdir -p "$1/etc/postgresql-common"; echo 'create_main_cluster = false' > "$1/etc/postgresql-common/createcluster.conf"`,
    afterPackages: `
      install -m 755 "$FILES/postgres-entrypoint.sh" "$1/usr/local/bin/docker-entrypoint.sh"
      install -d "$1/docker-entrypoint-initdb.d"
      install -d -o 999 -g 999 -m 3777 "$1/var/run/postgresql"
      install -d -o 999 -g 999 -m 1777 "$1/var/lib/postgresql/data"
      sed -ri "s/^#?(listen_addresses)\\s*=\\s*\\S+.*/\\1 = '*'/" "$1/usr/share/postgresql/${postgresMajor}/postgresql.conf.sample"`,
    config: {
      Entrypoint: ['docker-entrypoint.sh'],
      Cmd: ['postgres'],
      Env: [
        `PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/${postgresMajor}/bin`,
        'PGDATA=/var/lib/postgresql/data',
        `PG_MAJOR=${postgresMajor}`,
        'LANG=C.UTF-8',
      ],
      Volumes: { '/var/lib/postgresql/data': {} },
      ExposedPorts: { '5432/tcp': {} },
      StopSignal: 'SIGINT',
    },
  },
  {
    name: 'oliver006/redis_exporter:v1.69.0',
    packages: ['prometheus-redis-exporter'],
    afterPackages: `ln -s usr/bin/prometheus-redis-exporter "$1/redis_exporter"`,
    config: { User: '59000:59000', Entrypoint: ['/redis_exporter'], ExposedPorts: { '9121/tcp': {} } },
  },
];

/** @throws Error naming the images there are. */
export function requireBaseImage(name: string): BaseImage {
  const image = baseImages.find((each) => each.name === name);
  if (image === undefined)
    throw new Error(`no base image ${name}: it is one of ${baseImages.map((each) => each.name).join(', ')}`);
  return image;
}
