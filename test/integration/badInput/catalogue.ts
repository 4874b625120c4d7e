/** Where a bad input is tried: a file below test/, and a part of the test's title, or of the title of its row in a table. */
export interface Trial {
  readonly file: string;
  readonly title: string;
}

export interface BadInput {
  readonly number: number;
  readonly what: string;
  readonly trials: readonly Trial[];
}

const inFolder = (folder: string) => (file: string, ...titles: readonly string[]): Trial[] => titles.map((title) => ({ file: `${folder}/${file}`, title }));
const at = inFolder('integration/badInput');
const wire = (...titles: readonly string[]): Trial[] => at('buriedRecords.ts', ...titles);
const odd = (...titles: readonly string[]): Trial[] => at('oddRecords.ts', ...titles);
const handler = (...titles: readonly string[]): Trial[] => at('handlers.test.ts', ...titles);
const isolated = (note: string): Trial[] => at('isolated.test.ts', `note: '${note}'`);

const tried = (number: number, what: string, ...trials: readonly Trial[][]): BadInput => ({ number, what, trials: trials.flat() });

/**
 * The bad inputs that concern the wire, Avro, Kafka (1–48) and handlers (73–82), and where each is tried, nearly all on a real Kafka. The numbers
 * between are those of HTTP intake, which is not here.
 */
export const badInputs: readonly BadInput[] = [
  tried(1, 'empty value', wire('an empty value')),
  tried(2, 'null value', wire('a null value')),
  tried(3, 'null key', wire('no key, where order per entity is kept', 'no key and no headers')),
  tried(4, 'key that is not the entity', at('oddities.test.ts', '#4 ')),
  tried(5, 'one byte', wire('a single byte')),
  tried(6, 'wrong magic byte', wire('another magic byte')),
  tried(7, 'magic byte and a part of an id', wire('an id cut short')),
  tried(8, 'id 0', wire('schema id 0')),
  tried(9, 'id 2^31-1', wire('schema id 2^31-1')),
  tried(10, 'negative id', wire('schema id -1', 'schema id -2^31, without headers')),
  tried(11, 'unknown id', wire('a schema id that nobody registered')),
  tried(12, 'id of another subject', wire('the id of another subject')),
  tried(13, 'incompatible newer version', wire('a schema of the same name and another shape'), inFolder('unit/avro')('codec.test.ts', 'a version from the future which lost a field')),
  tried(14, 'deleted schema', at('oddities.test.ts', '#14 ')),
  tried(15, 'cut short after every byte', at('poison.test.ts', 'a payload cut short after any of its bytes')),
  tried(16, 'bytes left over', wire('a payload with bytes left over', 'two payloads in one')),
  tried(17, 'union index out of range', wire('a union index out of range', 'a negative union index')),
  tried(18, 'enum index out of range', wire('an enum index out of range')),
  tried(19, 'overlong number', wire('a number of eleven bytes')),
  tried(20, 'negative length', wire('a string of negative length')),
  tried(21, 'length of 2^40', wire('a string of 2^40 bytes')),
  tried(22, 'many items that take no bytes', wire('an array of 200,000,000 nulls', 'an array of 2^62 nulls')),
  tried(23, 'many items announced, none there', wire('an array that announces 50,000,000 longs')),
  tried(24, 'deep recursion', wire('a recursion of 100,000 levels')),
  tried(25, 'map key __proto__', wire('a map key __proto__')),
  tried(26, 'text that is not UTF-8', wire('text that is not UTF-8')),
  tried(27, 'long beyond 2^53', wire('a long beyond 2^53')),
  tried(28, 'NaN, infinities, negative zero', at('oddities.test.ts', '#28 ')),
  tried(29, 'boolean of 7', wire('a boolean of 7')),
  tried(30, 'time beyond all dates', at('oddities.test.ts', '#30 '), odd('a time in the year 200,000,000')),
  tried(31, 'JSON in place of Avro', wire('JSON')),
  tried(32, 'schema of 10,000 fields, or with a default that contains itself', wire('a schema of ten thousand fields'), inFolder('unit/avro')('admitSchema.test.ts', 'loads although its default contains itself')),

  tried(33, 'gzip bomb', at('packed.test.ts', 'a bomb of 100 MB')),
  tried(34, 'packed batch, larger than what a fetch asks for', inFolder('integration/kafkajs')('compression.test.ts', 'are read when %s did it', 'larger than a fetch asks for')),
  tried(35, 'record larger than the topics take', at('sizeLimit.test.ts', 'a job whose waiting copy the retry topic would not take'), at('packed.test.ts', 'a good job of 5 MB that fails')),
  tried(36, 'a thousand headers', odd('a thousand headers')),
  tried(37, 'a header twice', odd('a header twice', 'an origin twice')),
  tried(38, 'header that is not UTF-8', odd('headers that are not UTF-8', 'an id that is not UTF-8')),
  tried(39, 'forged attempt', odd('mr_attempt -1', 'mr_attempt 1e9', 'mr_attempt NaN')),
  tried(40, 'forged time to run at', odd('mr_not_before in 1970'), at('kinds.test.ts', 'a job that asks for the year 9999')),
  tried(41, 'forged origin', odd('the origin of another record', 'an origin that is none')),
  tried(42, 'time in the future', odd('a time ten years ahead')),
  tried(43, 'transaction markers, gaps of compaction', at('poison.test.ts', 'their markers do not stop the frontier'), inFolder('integration/kafkajs')('compaction.test.ts', 'knows its position behind the gaps')),
  tried(44, 'records of aborted transactions', at('poison.test.ts', 'of transactions the committed records run and the aborted do not')),
  tried(45, 'offset out of range', inFolder('conformance')('fetching.ts', 'starts where the log starts when older records were deleted', 'starts where the log starts when it ends before the position')),
  tried(46, 'one poison record among 500', at('poison.test.ts', 'one poison record among 500')),
  tried(47, 'partition of nothing but poison', at('poison.test.ts', 'a partition of nothing but 1,000 poison records')),
  tried(48, 'dead letter that cannot be read, or is too large itself', at('sizeLimit.test.ts', 'while the DLQ takes nothing'), wire('an empty value under forged headers'), inFolder('fuzz')('envelopeTargets.ts', 'changed dead letters')),

  tried(73, 'throws null, text, a frozen or a cyclic error', handler('throws null', 'throws a text', 'throws a frozen error', 'throws an error that contains itself'), isolated('throw null')),
  tried(74, 'never ends', handler('outlasts its timeout and %s'), isolated('hang')),
  tried(75, 'ends twice', handler('answers a thenable that calls back twice')),
  tried(76, 'ignores its abort', handler('outlasts its timeout and %s'), isolated('spin')),
  tried(77, 'ends its process', isolated('exit'), isolated('kill its process'), at('processExit.test.ts', '#77 ')),
  tried(78, 'takes all memory', isolated('take a heap of objects'), isolated('take one huge array'), isolated('take buffers')),
  tried(79, 'matches for ever', isolated('match for ever'), at('isolated.test.ts', '#79 ')),
  tried(80, 'answers 100 MB', handler('answers a text of 100 MB'), inFolder('unit/isolation')('sandbox.test.ts', 'answers 100 MB')),
  tried(81, 'enqueues itself for ever, fans out', at('oddities.test.ts', '#81 a job that enqueues itself', '#81 a job that fans out')),
  tried(82, 'leaves a promise behind that fails', at('strayPromise.test.ts', 'promises that its handlers left behind'), inFolder('unit/isolation')('sandbox.test.ts', 'outlives a promise that an attempt left behind')),
];
