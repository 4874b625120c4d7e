/** Where one broker of a cluster listens, on 127.0.0.1. Every broker is a controller too. */
export interface BrokerNode {
  readonly nodeId: number;
  readonly port: number;
  readonly controllerPort: number;
  /** A listener beside `port` whose address is told as another port: that of whoever stands in between. Absent: there is none. */
  readonly fronted?: { readonly port: number; readonly advertisedPort: number };
}

/**
 * The settings of one broker of a small cluster for development and tests (KRaft, combined roles, plaintext
 * on 127.0.0.1 only). Replication is as high as the cluster allows, up to 3 with 2 in sync. Topics are never created by
 * accident: a typing error shall fail. `overrides` win over everything here.
 */
export function brokerSettings(self: BrokerNode, cluster: readonly BrokerNode[], logDir: string, overrides: Readonly<Record<string, string>> = {}): Record<string, string> {
  const replicas = Math.min(3, cluster.length);
  const inSync = Math.max(1, replicas - 1);
  const { fronted } = self;
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': self.nodeId,
    'controller.quorum.voters': cluster.map((node) => `${node.nodeId}@127.0.0.1:${node.controllerPort}`).join(','),
    'listeners': `PLAINTEXT://127.0.0.1:${self.port},CONTROLLER://127.0.0.1:${self.controllerPort}${fronted === undefined ? '' : `,FRONTED://127.0.0.1:${fronted.port}`}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${self.port}${fronted === undefined ? '' : `,FRONTED://127.0.0.1:${fronted.advertisedPort}`}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT${fronted === undefined ? '' : ',FRONTED:PLAINTEXT'}`,
    'log.dirs': logDir,

    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 5,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': 5,

    // A test group forms at once, and a dead member is missed soon.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    // 8 MB hold some 300,000 keys a cleaning pass; the default of 128 MB is allocated, used or not.
    'log.cleaner.dedupe.buffer.size': 8_388_608,
    'log.cleaner.backoff.ms': 1000,
    'num.network.threads': 2,
    'num.io.threads': 4,
    // A stopped broker takes leave of the controller, else its next start waits until its last session has run out.
    'controlled.shutdown.enable': true,
    // In a cluster a dead broker's partitions get new leaders after 3 s instead of 9. Alone there is nobody to take over,
    // so a stalled machine gets more patience; a broker that was killed starts again only after this time.
    'broker.session.timeout.ms': cluster.length > 1 ? 3000 : 6000,
    'broker.heartbeat.interval.ms': 500,
  };
  return { ...Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, String(value)])), ...overrides };
}

/** Settings as the text of a `server.properties`. */
export function asProperties(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings).map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`).join('');
}

/** Log4j configuration of a broker: plain lines on stdout, without the 400 lines of settings that each client class prints. */
export const LOG4J_PROPERTIES = `status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5level [%t] %c{1}: %msg%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.settings.name = org.apache.kafka.common.config.AbstractConfig
logger.settings.level = warn
`;
