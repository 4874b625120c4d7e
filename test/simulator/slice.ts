import type { Violation } from './judge.ts';
import { showLine, type StoryLine } from './story.ts';

const MOST_LINES = 60;

/** The part of a story that shows a violation: what it names, and what befell the partition around it. */
export function sliceStory(story: readonly StoryLine[], { detail }: Violation): string[] {
  const entities = new Set([...detail.matchAll(/(\S+)#\d+/g)].map(([, entity]) => entity));
  const places = new Set([...detail.matchAll(/q\d+\/\d+\/\d+/g)].map(([place]) => place));
  for (const line of story) if (line.place !== undefined && places.has(line.place) && line.entity !== undefined) entities.add(line.entity);
  const partitions = new Set([...places, ...story.filter(({ entity }) => entities.has(entity)).map(({ place = '' }) => place)].map((place) => place.split('/').slice(0, 2).join('/')));
  const concerns = ({ type, entity, place }: StoryLine): boolean => {
    if (entities.has(entity) || (place !== undefined && places.has(place))) return true;
    if (type === 'fault' || type === 'heal' || type === 'phase' || type === 'trouble') return true;
    const isAbout = place !== undefined && [...partitions].some((partition) => place.startsWith(partition.split('/')[0] as string) && (place === partition || place.includes(',') || place.startsWith(`${partition}/`)));
    return isAbout && ['assigned', 'lost', 'active', 'lease'].includes(type);
  };
  const lines = story.filter(concerns);
  const shown = partitions.size === 0 ? story.slice(-MOST_LINES) : lines.length > MOST_LINES ? lines.slice(-MOST_LINES) : lines;
  return shown.map(showLine);
}
