import type { Admin, Broker } from '../kafka/port.ts';
import { scanTopic } from '../kafka/scanTopic.ts';
import { ScheduleBook } from './scheduleBook.ts';

/** Reads the topic as it stands now. @throws MillraceError TOPIC_MISSING, BROKER_UNAVAILABLE */
export async function readBook(tools: { readonly broker: Broker; readonly admin: Admin }, topic: string, scanId: string): Promise<ScheduleBook> {
  const book = new ScheduleBook();
  await scanTopic({ ...tools, topic, scanId, visit: (_partition, record) => { book.apply(record); } });
  return book;
}
