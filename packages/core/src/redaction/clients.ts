/** Options of a program that take a secret, and whether only what follows the user name is the secret. */
export interface Client {
  /** Option with its argument attached or after a space: `-psecret`, `-p secret`. */
  readonly attached?: RegExp
  /** Option with its argument after a space or `=`. */
  readonly separate?: RegExp
  /** Option whose argument is `user:password` or `user%password`. */
  readonly withUser?: RegExp
  /** Part of the commands that have these options. */
  readonly only?: RegExp
  /** Arguments without an option: the words after a subcommand. The last group is the secret. */
  readonly positional?: RegExp
}

/**
 * Well-known clients whose secret options have short names. The lookbehinds of the patterns are bounded, and an
 * argument is matched once.
 */
export const CLIENTS: Readonly<Record<string, Client>> = {
  mysql: { attached: /-p/y },
  redis: {
    separate: /-a|--pass|requirepass|masterauth|--requirepass|--masterauth/y,
    positional: /AUTH[ \t]{1,4}(?:[\w.-]{1,64}[ \t]{1,4})?([^\s"']{1,512})/y,
  },
  curl: {
    withUser: /-u|--user|-U|--proxy-user|-E|--cert|--proxy-cert/y,
    positional: /-b[ \t]{0,4}["']?[\w-]{1,64}=([^\s"']{4,4096})/y,
  },
  ctr: { withUser: /-u|--user/y },
  password: { separate: /-p|--password/y },
  freerdp: { attached: /\/p:/y },
  snyk: { positional: /auth[ \t]{1,4}([0-9a-f]{8}-[0-9a-f-]{27})/y },
  b2: { positional: /(?:authorize-account|account[ \t]authorize)[ \t]{1,4}\w{1,64}[ \t]{1,4}([\w/+]{16,64})/y },
  http: { withUser: /-a|--auth/y },
  wget: { separate: /--(?:http-|ftp-|proxy-)?password/y },
  mongo: { attached: /-p/y },
  docker: { attached: /-p/y, separate: /--password/y, only: /\blogin\b/ },
  sshpass: { attached: /-p/y },
  ldap: { attached: /-w/y },
  mosquitto: { separate: /-P|--pw/y },
  sqlcmd: { attached: /-P/y },
  smbclient: { withUser: /-U|--user/y },
  influx: { separate: /-password|-p|--password|-t/y },
  cqlsh: { attached: /-p/y },
  ipmitool: { attached: /-P/y },
  snmp: { separate: /-[AXc]/y },
  zip: { separate: /-P/y },
  sevenZip: { attached: /-p/y },
  openssl: { separate: /-passin|-passout|-pass|-k|-K/y },
  keytool: { separate: /-(?:store|key|srcstore|deststore|src|dest)pass(?:word)?/y },
  sshKeygen: { separate: /-[NP]/y },
  lftp: { withUser: /-u/y },
  etcdctl: { withUser: /--user/y },
  htpasswd: {
    // With `-n`, no file precedes the user.
    positional:
      /(?=(?:-[a-zA-Z]{1,8}[ \t]{1,4}(?:\d{1,2}[ \t]{1,4})?){0,4}-[a-zA-Z]{0,8}b)(?:(?:-[a-mo-zA-Z]{1,8}[ \t]{1,4}(?:\d{1,2}[ \t]{1,4})?){1,5}(?!-)\S{1,256}[ \t]{1,4}|(?:-[a-zA-Z]{1,8}[ \t]{1,4}(?:\d{1,2}[ \t]{1,4})?){1,5})(?!-)\S{1,256}[ \t]{1,4}([^\s"']{1,512})/y,
  },
  rabbitmqctl: {
    positional:
      /(?:add_user|change_password|authenticate_user)[ \t"',]{1,8}[^\s"',]{1,256}[ \t"',]{1,8}([^\s"',]{1,512})/y,
  },
  mc: {
    positional:
      /(?:alias|config)[ \t]{1,4}(?:set|host[ \t]{1,4}add)[ \t]{1,4}\S{1,128}[ \t]{1,4}\S{1,512}[ \t]{1,4}\S{1,256}[ \t]{1,4}([^\s"']{1,512})/y,
  },
  net: {
    positional:
      /(?:use[ \t]{1,4}(?:[^\s/]{1,256}[ \t]{1,4}){1,2}(?!\/)(?=[^\s"']{1,256}[ \t]{1,4}\/user)|user[ \t]{1,4}[^\s/]{1,256}[ \t]{1,4}(?=[^\s"']{1,256}(?:[ \t]{1,4}\/|[ \t]{0,4}$)))([^\s/"'][^\s"']{0,255})/imy,
  },
  wpa: { positional: /[^\s"']{1,64}[ \t]{1,4}(?=\S{0,63}\d)([^\s"']{8,63})/y },
  virsh: { positional: /secret-set-value[ \t]{1,4}(?!-)\S{1,64}[ \t]{1,4}(?:--base64[ \t]{1,4})?([^\s"']{4,512})/y },
  pulumi: {
    positional:
      /config[ \t]{1,4}set[ \t]{1,4}(?=[^\n]{0,256}--secret)(?:--?[\w-]{1,32}[ \t]{1,4}){0,4}[\w.:-]{1,128}[ \t]{1,4}(?!-)([^\s"']{1,512})/y,
  },
  rclone: {
    positional:
      /(?:\w{0,32}(?:pass|password|secret_access_key|token|secret|key))(?:=|[ \t]{1,4})(?!-)(?=\S{0,511}\d)([^\s"']{4,512})/y,
  },
  schtasks: { separate: /\/r?p/iy },
  psexec: { separate: /-p/y },
  putty: { separate: /-pw/y },
  vault: { positional: /login[ \t]{1,4}(?!-)([^\s"']{16,512})/y },
}

/** Clients by the name of their program. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  mysql: 'mysql',
  mysqld: 'mysql',
  mysqldump: 'mysql',
  mysqladmin: 'mysql',
  mysqlimport: 'mysql',
  mysqlcheck: 'mysql',
  mysqlshow: 'mysql',
  mysqlsh: 'mysql',
  mysqlbinlog: 'mysql',
  mariadb: 'mysql',
  mariadbd: 'mysql',
  'mariadb-dump': 'mysql',
  'mariadb-admin': 'mysql',
  xtrabackup: 'mysql',
  'redis-cli': 'redis',
  'redis-server': 'redis',
  'valkey-cli': 'redis',
  'valkey-server': 'redis',
  'keydb-cli': 'redis',
  redis: 'redis',
  curl: 'curl',
  http: 'http',
  https: 'http',
  wget: 'wget',
  mongo: 'mongo',
  mongosh: 'mongo',
  mongodump: 'mongo',
  mongorestore: 'mongo',
  mongoexport: 'mongo',
  docker: 'docker',
  podman: 'docker',
  nerdctl: 'docker',
  buildah: 'docker',
  skopeo: 'docker',
  crane: 'docker',
  helm: 'docker',
  oras: 'docker',
  az: 'docker',
  oc: 'docker',
  sshpass: 'sshpass',
  ldapsearch: 'ldap',
  ldapmodify: 'ldap',
  ldapadd: 'ldap',
  ldapwhoami: 'ldap',
  ldapdelete: 'ldap',
  ldappasswd: 'ldap',
  mosquitto_pub: 'mosquitto',
  mosquitto_sub: 'mosquitto',
  sqlcmd: 'sqlcmd',
  bcp: 'sqlcmd',
  isql: 'sqlcmd',
  smbclient: 'smbclient',
  rpcclient: 'smbclient',
  influx: 'influx',
  cqlsh: 'cqlsh',
  'cypher-shell': 'cqlsh',
  nodetool: 'cqlsh',
  ipmitool: 'ipmitool',
  snmpwalk: 'snmp',
  snmpget: 'snmp',
  snmpbulkwalk: 'snmp',
  zip: 'zip',
  unzip: 'zip',
  '7z': 'sevenZip',
  '7za': 'sevenZip',
  openssl: 'openssl',
  keytool: 'keytool',
  'ssh-keygen': 'sshKeygen',
  lftp: 'lftp',
  etcdctl: 'etcdctl',
  htpasswd: 'htpasswd',
  rabbitmqctl: 'rabbitmqctl',
  mc: 'mc',
  net: 'net',
  schtasks: 'schtasks',
  psexec: 'psexec',
  PsExec: 'psexec',
  plink: 'putty',
  pscp: 'putty',
  psftp: 'putty',
  vault: 'vault',
  useradd: 'password',
  usermod: 'password',
  adduser: 'password',
  'elasticsearch-users': 'password',
  wpa_passphrase: 'wpa',
  ctr: 'ctr',
  snyk: 'snyk',
  b2: 'b2',
  tsql: 'sqlcmd',
  xfreerdp: 'freerdp',
  xfreerdp3: 'freerdp',
  rdesktop: 'password',
  'evil-winrm': 'password',
  ncftp: 'password',
  ncftpput: 'password',
  ncftpget: 'password',
  virsh: 'virsh',
  pulumi: 'pulumi',
  rclone: 'rclone',
}
