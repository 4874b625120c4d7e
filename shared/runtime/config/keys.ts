import { compressions } from '../../kafka/compression.ts';
import { logLevels } from '../logger.ts';
import { addresses, choice, duration, httpUrl, size, text, whole, type ConfigKey } from './declare.ts';

/** Where everything else is; read by every process. */
export const connectionKeys = {
  brokers: addresses({ env: 'KAFKA_BROKERS', prose: 'Kafka to use. Not set: commands that can start one of their own do so; others stop and say so.' }),
  registryUrl: httpUrl({ env: 'SCHEMA_REGISTRY_URL', prose: 'Confluent-compatible schema registry to use; may hold user and password. Not set: as for KAFKA_BROKERS.' }),
  compression: choice({ env: 'MILLRACE_COMPRESSION', choices: compressions, default: 'none', prose: 'How records are compressed that this process writes to Kafka, where more than 8 KB travel together. Readers need not be told; foreign ones must know zstd.' }),
};

/** What a process says and shows about itself. */
export const processKeys = {
  logLevel: choice({ env: 'MILLRACE_LOG_LEVEL', choices: logLevels, default: 'info', prose: 'Log lines below this level are not written.' }),
  httpHost: text({ env: 'MILLRACE_HTTP_HOST', default: '127.0.0.1', prose: 'Address on which /metrics, /livez and /readyz answer. They have no access control: open them to a trusted network only.' }),
  httpPort: whole({ env: 'MILLRACE_HTTP_PORT', default: '9400', min: 0, max: 65_535, prose: 'Its port; 0 takes any free one and logs it.' }),
  startJitter: duration({ env: 'MILLRACE_START_JITTER', default: '1s', min: '0s', max: '5m', prose: 'A process waits up to so long before it connects, by chance, so that a fleet that restarts does not come all at once.' }),
  stopTimeout: duration({ env: 'MILLRACE_STOP_TIMEOUT', default: '45s', min: '1s', max: '1h', prose: 'After SIGTERM the process ends at the latest then, done or not. Longer than MILLRACE_DRAIN_TIMEOUT, shorter than what its supervisor waits.' }),
};

/** How a worker works. */
export const workerKeys = {
  workerId: text({ env: 'MILLRACE_WORKER_ID', allow: /^[A-Za-z0-9._-]{1,100}$/, expected: 'up to 100 letters, digits, ".", "_", "-"', prose: 'Names the process in leases, logs and the group; must differ between processes. Not set: host name and a random part.' }),
  concurrency: whole({ env: 'MILLRACE_CONCURRENCY', default: '100', min: 1, max: 100_000, prose: 'Attempts under way at once in each queue.' }),
  sandboxes: whole({ env: 'MILLRACE_SANDBOXES', min: 1, max: 1000, prose: 'Processes for attempts of isolated kinds at once. Not set: as many as there are cores, and at least one for each such kind.' }),
  drainTimeout: duration({ env: 'MILLRACE_DRAIN_TIMEOUT', default: '30s', min: '0s', max: '1h', prose: 'How long a stop or a handover waits for running attempts before it aborts them.' }),
  abortGrace: duration({ env: 'MILLRACE_ABORT_GRACE', default: '5s', min: '0s', max: '10m', prose: 'How long an aborted handler may still run before its lane goes on without it.' }),
  sessionTimeout: duration({ env: 'MILLRACE_SESSION_TIMEOUT', default: '10s', min: '6s', max: '5m', prose: 'After so long without a heartbeat Kafka takes a worker for dead and hands its partitions to others.' }),
  flushInterval: duration({ env: 'MILLRACE_FLUSH_INTERVAL', default: '100ms', min: '1ms', max: '10s', prose: 'How often events and offsets are written. What ended since the last time may be repeated after a crash.' }),
  stallAfter: duration({ env: 'MILLRACE_STALL_AFTER', default: '20s', min: '10s', max: '1d', prose: 'A worker that has work and makes no progress for so long is not live: /livez tells it up to 10 s later. Attempts that run, and outages of Kafka or the registry, are not held against it; nor are partitions that stand until somebody helps (records that cannot be decoded, a main topic that was made anew): these make /readyz fail, and `millrace_partitions_standing` tells how many.' }),
  intakeJobs: whole({ env: 'MILLRACE_INTAKE_JOBS', default: '16384', min: 1, max: 10_000_000, prose: 'Jobs of one queue in memory that are not in its waiting rooms; each partition has its equal share, and pauses at it.' }),
  intakeBytes: size({ env: 'MILLRACE_INTAKE_BYTES', default: '32MiB', prose: 'The same in bytes; as much again may be fetched and held back.' }),
  roomEntries: whole({ env: 'MILLRACE_ROOM_ENTRIES', default: '1000000', min: 1, max: 100_000_000, prose: 'Waiting jobs of one partition; at the bound, intake from the main topic pauses.' }),
  roomBytes: size({ env: 'MILLRACE_ROOM_BYTES', default: '256MiB', prose: 'The same in bytes of memory.' }),
  spillFolder: text({ env: 'MILLRACE_SPILL_FOLDER', prose: 'Folder on a fast local disk for the values of waiting jobs that memory has no room for; several processes may share it. What lies there is a copy, removed when its process ends. Not set: nothing is put there, and MILLRACE_ROOM_BYTES bounds the waiting room.' }),
  spillOver: size({ env: 'MILLRACE_SPILL_OVER', default: '32MiB', prose: 'Waiting jobs of one queue keep so much in memory before values go to MILLRACE_SPILL_FOLDER; those of a partition at half of MILLRACE_ROOM_BYTES go there in any case.' }),
  spillBytes: size({ env: 'MILLRACE_SPILL_BYTES', default: '10GiB', prose: 'Most that the values of one queue take there. When it is reached, or the disk takes nothing, it is as if there were no folder.' }),
  frontierPatience: duration({ env: 'MILLRACE_FRONTIER_PATIENCE', default: '1s', min: '0s', max: '10m', prose: 'A job that runs longer goes to the waiting room, so that it holds back no commit.' }),
  unknownKindBound: duration({ env: 'MILLRACE_UNKNOWN_KIND_BOUND', default: '1h', min: '0s', max: '30d', prose: 'How long a job of a kind that no worker knows waits before it is buried: a rolling deploy may bring its handler.' }),
  fetchBytes: size({ env: 'MILLRACE_FETCH_BYTES', default: '512KiB', prose: 'Most that one fetch brings of one partition.' }),
  databaseConnections: whole({ env: 'MILLRACE_DATABASE_CONNECTIONS', default: '20', min: 2, max: 1000, prose: 'Connections to DATABASE_URL that the attempts of a worker share; a ctx.transaction takes one.' }),
  effectRetention: duration({ env: 'MILLRACE_EFFECT_RETENTION', default: '30d', min: '1h', max: '3660d', prose: 'How long a worker with DATABASE_URL remembers that a job\'s effect landed: longer than jobs may come back by retry, redrive or replay.' }),
};

/** Where payloads and results go that are too large for Kafka. */
export const claimKeys = {
  claimsFolder: text({ env: 'MILLRACE_CLAIMS_FOLDER', prose: 'Folder for payloads that are too large for a record; all processes must see the same. Neither this nor a bucket set: such jobs are refused.' }),
  claimsBucket: text({ env: 'MILLRACE_CLAIMS_BUCKET', prose: 'S3 bucket for them, instead of a folder; needs the package @aws-sdk/client-s3, which reads region and credentials from its own environment.' }),
  claimsPrefix: text({ env: 'MILLRACE_CLAIMS_PREFIX', prose: 'Put before the names of objects in the bucket, for instance "millrace/".' }),
  claimsEndpoint: httpUrl({ env: 'MILLRACE_CLAIMS_ENDPOINT', prose: 'Address of an S3-compatible server. Not set: AWS.' }),
  claimsOver: size({ env: 'MILLRACE_CLAIMS_OVER', default: '256KiB', prose: 'Payloads that take more go there.' }),
  claimsMissingBound: duration({ env: 'MILLRACE_CLAIMS_MISSING_BOUND', default: '15m', min: '0s', max: '30d', prose: 'How long a job waits for an object that is not there, before it is buried.' }),
};

/** Where the services that keep books keep them. */
export const databaseKeys = {
  databaseUrl: text({ env: 'DATABASE_URL', secret: true, allow: /^postgres(ql)?:\/\/\S+$/, expected: 'an address postgres://…', prose: 'PostgreSQL (15 or later) for status and all else that needs a database. Not set: an embedded one, for a single process.' }),
  databaseFolder: text({ env: 'MILLRACE_DATABASE_FOLDER', default: '.millrace/database', prose: 'Where the embedded database keeps its data; one process at a time.' }),
};

/** Who may use an API. */
export const apiKeys = {
  apiToken: text({ env: 'MILLRACE_API_TOKEN', secret: true, allow: /^\S{16,512}$/, expected: '16 to 512 characters without spaces', prose: 'Requests to the status API must bear it (Authorization: Bearer …), all but that for its description; the command line sends it. Not set: everybody may read, and give commands.' }),
  apiNames: text({ env: 'MILLRACE_API_NAMES', allow: /^(\*|[A-Za-z0-9.-]+( *, *[A-Za-z0-9.-]+)*)$/, expected: 'host names, separated by commas, or *', prose: 'Names by which an API may be asked that listens on this machine alone (127.0.0.1) and without a token, beside localhost and addresses, for instance by a proxy that passes Host on. Others are answered 403: any site can have its name resolved to 127.0.0.1, and would then read and command through its visitor\'s browser. *: any name.' }),
};

/** How the status service works. */
export const statusKeys = {
  statusHost: text({ env: 'MILLRACE_STATUS_HOST', default: '127.0.0.1', prose: 'Address on which the status API answers. Its access control is MILLRACE_API_TOKEN.' }),
  statusPort: whole({ env: 'MILLRACE_STATUS_PORT', default: '9420', min: 0, max: 65_535, prose: 'Its port; 0 takes any free one and logs it.' }),
  statusQueues: text({ env: 'MILLRACE_STATUS_QUEUES', allow: /^[A-Za-z0-9._-]+( *, *[A-Za-z0-9._-]+)*$/, expected: 'names of queues, separated by commas', prose: 'Queues to show. Not set: all that have their four topics; new ones are found within half a minute.' }),
  statusRetention: duration({ env: 'MILLRACE_STATUS_RETENTION', default: '7d', min: '1m', max: '366d', prose: 'Jobs that are done or cancelled are shown for so long.' }),
  statusDeadRetention: duration({ env: 'MILLRACE_STATUS_DEAD_RETENTION', default: '365d', min: '1m', max: '3660d', prose: 'Dead jobs are shown for so long, and what operators said of them: as long as dead letters are kept.' }),
  statusPayloadBytes: whole({ env: 'MILLRACE_STATUS_PAYLOAD_BYTES', default: '16384', min: 0, max: 1_048_576, prose: 'Larger payloads are not decoded for showing and searching; 0: none is, and none is stored.' }),
  statusPayloadFields: text({ env: 'MILLRACE_STATUS_PAYLOAD_FIELDS', allow: /^[^\s,]+( *, *[^\s,]+)*$/, expected: 'paths such as "customerId,address.city"', prose: 'Fields of payloads by which lists are to be fast, separated by commas; each costs something at every write. Not set: lists by any field work, and read what the other filters leave.' }),
  statusReadWait: duration({ env: 'MILLRACE_STATUS_READ_WAIT', default: '5s', min: '0s', max: '30s', prose: 'How long a request for a job that is not there yet waits for the status to catch up with Kafka.' }),
  statusStreams: whole({ env: 'MILLRACE_STATUS_STREAMS', default: '1000', min: 0, max: 100_000, prose: 'Most clients that may watch jobs at once in one process.' }),
};

/** How subscribers are told of the ends of jobs. */
export const webhookKeys = {
  webhooksAllow: text({ env: 'MILLRACE_WEBHOOKS_ALLOW', allow: /^[0-9A-Fa-f.:]+(\/\d+)?( *, *[0-9A-Fa-f.:]+(\/\d+)?)*$/, expected: 'ranges of addresses, separated by commas', prose: 'Addresses that webhooks may be sent to though they are not public: "10.1.0.0/16, 127.0.0.1". The status API reads it too, when an address is subscribed.' }),
  webhooksTimeout: duration({ env: 'MILLRACE_WEBHOOKS_TIMEOUT', default: '15s', min: '100ms', max: '50s', prose: 'A receiver must have answered by then.' }),
  webhooksConcurrency: whole({ env: 'MILLRACE_WEBHOOKS_CONCURRENCY', default: '100', min: 1, max: 10_000, prose: 'Deliveries at once in one process; at most 10 of them to one subscriber.' }),
  webhooksQueue: text({ env: 'MILLRACE_WEBHOOKS_QUEUE', default: 'millrace.webhooks', allow: /^[A-Za-z0-9._-]{1,200}$/, expected: 'the name of a queue', prose: 'Queue of the deliveries, one for each database of subscriptions on a cluster: processes with one queue share the work.' }),
};

/** How the intake works. */
export const intakeKeys = {
  intakeHost: text({ env: 'MILLRACE_INTAKE_HOST', default: '127.0.0.1', prose: 'Address on which the intake API answers. It has no access control of its own.' }),
  intakePort: whole({ env: 'MILLRACE_INTAKE_PORT', default: '9410', min: 0, max: 65_535, prose: 'Its port; 0 takes any free one and logs it.' }),
  intakeTenantHeader: text({ env: 'MILLRACE_INTAKE_TENANT_HEADER', allow: /^[A-Za-z0-9-]{1,100}$/, expected: 'the name of a header', prose: 'Header that names the caller\'s tenant, set by the proxy in front; idempotency keys are apart by it, and ids that callers choose begin with it and ":". Not set: one tenant.' }),
  intakeBodyBytes: size({ env: 'MILLRACE_INTAKE_BODY_BYTES', default: '1MiB', prose: 'Largest single job, and largest line of a batch.' }),
  intakeDepth: whole({ env: 'MILLRACE_INTAKE_DEPTH', default: '64', min: 3, max: 200, prose: 'Objects and lists within one another in a body.' }),
  intakeBatchLines: whole({ env: 'MILLRACE_INTAKE_BATCH_LINES', default: '1000000', min: 1, max: 100_000_000, prose: 'Most lines of one batch.' }),
  intakeBodyTimeout: duration({ env: 'MILLRACE_INTAKE_BODY_TIMEOUT', default: '10s', min: '100ms', max: '10m', prose: 'A single job must have come in by then; of a batch, something more.' }),
  intakeBatchTimeout: duration({ env: 'MILLRACE_INTAKE_BATCH_TIMEOUT', default: '15m', min: '1s', max: '1d', prose: 'A batch must have come in by then.' }),
  intakeConnections: whole({ env: 'MILLRACE_INTAKE_CONNECTIONS', default: '2000', min: 1, max: 1_000_000, prose: 'Connections at once; further ones are closed.' }),
  intakePatience: duration({ env: 'MILLRACE_INTAKE_PATIENCE', default: '1800ms', min: '100ms', max: '1m', prose: 'How long a job waits for Kafka\'s ack before it is answered 503; with an idempotency key, for another request of that key too.' }),
  intakePendingJobs: whole({ env: 'MILLRACE_INTAKE_PENDING_JOBS', default: '10000', min: 1, max: 1_000_000, prose: 'Jobs under way at once; further ones are answered 503.' }),
  intakePendingBytes: size({ env: 'MILLRACE_INTAKE_PENDING_BYTES', default: '64MiB', prose: 'The same in bytes.' }),
  intakeMaxLag: whole({ env: 'MILLRACE_INTAKE_MAX_LAG', default: '1000000', min: 1, max: 1_000_000_000_000, prose: 'A queue with so many unsettled jobs takes no more: 503, with Retry-After by the rate at which it drains.' }),
  intakeMaxDrain: duration({ env: 'MILLRACE_INTAKE_MAX_DRAIN', default: '6h', min: '1s', max: '14d', prose: 'Nor does one whose jobs would take so long to work off, at the rate of late.' }),
  intakeKeepKeys: duration({ env: 'MILLRACE_INTAKE_KEEP_KEYS', min: '1m', max: '366d', prose: 'Idempotency keys are kept so long, and never shorter than the default: the longest retry among the kinds and 14 days.' }),
};

/** What the command line reads beside the connections. */
export const cliKeys = {
  statusUrl: httpUrl({ env: 'MILLRACE_STATUS_URL', prose: 'Status service that the command line asks. Not set: the one that .millrace/dev.json names, else http://127.0.0.1:9420.' }),
};

/** How an outbox relay works. */
export const outboxKeys = {
  outboxLease: duration({ env: 'MILLRACE_OUTBOX_LEASE', default: '5s', min: '500ms', max: '5m', prose: 'A relay that dies is replaced after so long, and a third of it at most.' }),
  outboxPoll: duration({ env: 'MILLRACE_OUTBOX_POLL', default: '1s', min: '10ms', max: '1m', prose: 'How long a row may lie that no notification told of: through a pooler that passes none on, each.' }),
  outboxTries: whole({ env: 'MILLRACE_OUTBOX_TRIES', default: '5', min: 1, max: 20, prose: 'Refusals of a row, one second apart, then two, four, …, until it waits for people. Outages do not count.' }),
};

/** How the scheduler works. */
export const schedulerKeys = {
  schedulesTopic: text({ env: 'MILLRACE_SCHEDULES_TOPIC', default: 'millrace.schedules', allow: /^[A-Za-z0-9._-]{1,249}$/, expected: 'the name of a topic', prose: 'Where schedules live; those who put them and the schedulers must be told the same.' }),
  schedulerHost: text({ env: 'MILLRACE_SCHEDULER_HOST', default: '127.0.0.1', prose: 'Address on which the schedules API answers. Its access control is MILLRACE_API_TOKEN.' }),
  schedulerPort: whole({ env: 'MILLRACE_SCHEDULER_PORT', default: '9430', min: 0, max: 65_535, prose: 'Its port; 0 takes any free one and logs it.' }),
  schedulerSessionTimeout: duration({ env: 'MILLRACE_SCHEDULER_SESSION_TIMEOUT', default: '6s', min: '6s', max: '5m', prose: 'So long after the active scheduler fell silent another one takes over.' }),
};

/** For people who work on millrace itself. */
export const developmentKeys = {
  cacheDir: text({ env: 'MILLRACE_CACHE_DIR', default: '.cache', prose: 'Where the embedded Kafka and registry are kept, once downloaded.' }),
  reuseStack: choice({ env: 'MILLRACE_REUSE_STACK', choices: ['0', '1'], default: '0', prose: '1: tests use the stack that `npm run stack` started, instead of starting their own.' }),
};

/** Every setting, in the order of the docs. */
export const configSections: readonly { readonly title: string; readonly keys: Readonly<Record<string, ConfigKey<unknown>>> }[] = [
  { title: 'Connections', keys: connectionKeys },
  { title: 'Every process', keys: processKeys },
  { title: 'Worker', keys: workerKeys },
  { title: 'Large payloads', keys: claimKeys },
  { title: 'Database', keys: databaseKeys },
  { title: 'API', keys: apiKeys },
  { title: 'Status', keys: statusKeys },
  { title: 'Webhooks', keys: webhookKeys },
  { title: 'Intake', keys: intakeKeys },
  { title: 'Command line', keys: cliKeys },
  { title: 'Outbox relay', keys: outboxKeys },
  { title: 'Scheduler', keys: schedulerKeys },
  { title: 'Development', keys: developmentKeys },
];

/** Names of all settings, for `readConfig`: one process does not read them all, but none of them is a mistake. */
export const knownNames: readonly string[] = configSections.flatMap(({ keys }) => Object.values(keys).map((key) => key.env));
