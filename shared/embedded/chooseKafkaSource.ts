/** What this machine offers to get a Kafka from. */
export interface FoundForKafka {
  /** `KAFKA_BROKERS`, if set. */
  readonly givenBrokers: string | undefined;
  /** The Kafka image, if a Docker engine answers and has it; nothing is ever pulled. */
  readonly dockerImage: string | undefined;
  /** Major version of the Java found. */
  readonly javaMajor: number | undefined;
  readonly hasMaven: boolean;
  /** Whether the jars are in the cache folder already: then Maven is not needed. */
  readonly hasJars: boolean;
}

export type KafkaSource =
  | { readonly kind: 'given'; readonly brokers: string }
  | { readonly kind: 'docker'; readonly image: string }
  | { readonly kind: 'jars' }
  | { readonly kind: 'none' };

/** Java version that Kafka 4 and the registry need at least. */
export const JAVA_NEEDED = 17;

/** The first that is there: the Kafka that was named, the image on disk, the jars with a Java to run them. */
export function chooseKafkaSource(found: FoundForKafka): KafkaSource {
  if (found.givenBrokers !== undefined && found.givenBrokers.trim() !== '') return { kind: 'given', brokers: found.givenBrokers.trim() };
  if (found.dockerImage !== undefined) return { kind: 'docker', image: found.dockerImage };
  if ((found.javaMajor ?? 0) >= JAVA_NEEDED && (found.hasMaven || found.hasJars)) return { kind: 'jars' };
  return { kind: 'none' };
}

/** What to install where there is no source: any one line will do. */
export function waysToGetKafka(image: string): string {
  return [
    'Any one of these will do:',
    `  Java ${JAVA_NEEDED} and Maven: on Debian or Ubuntu "apt-get install openjdk-17-jre-headless maven", on macOS "brew install openjdk@17 maven"`,
    `  Docker, with the image on disk: "docker pull ${image}"`,
    '  a Kafka that runs already: set KAFKA_BROKERS to its addresses ("host:9092,host:9093")',
  ].join('\n');
}

/** As {@link waysToGetKafka}, for the schema registry. */
export function waysToGetRegistry(): string {
  return [
    'Any one of these will do:',
    `  Java ${JAVA_NEEDED} and Maven: on Debian or Ubuntu "apt-get install openjdk-17-jre-headless maven", on macOS "brew install openjdk@17 maven"`,
    '  a registry with Confluent\'s API that runs already: set SCHEMA_REGISTRY_URL to its base URL',
  ].join('\n');
}
