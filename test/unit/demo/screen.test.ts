import { expect, test } from 'vitest';
import { createScreen, type Progress, type ScreenForm } from '../../../services/demo/screen.ts';

const progress: Progress = { run: 'r', total: 20_012, enqueued: 1600, done: 1500, running: 3, waiting: 90, buried: 1, jobsPerSecond: 812.4, elapsedMs: 2000 };

function written(form: ScreenForm, columns = 200): { text: () => string; screen: ReturnType<typeof createScreen> } {
  const parts: string[] = [];
  return { text: () => parts.join(''), screen: createScreen(form, (part) => { parts.push(part); }, () => columns) };
}

test('a terminal has one line of progress, written anew and never wider than the terminal', () => {
  const { text, screen } = written('line', 40);
  screen.progress(progress);
  screen.progress(progress);
  screen.say('Ctrl-C stops');
  expect(text()).not.toContain('jobs/s\n');
  expect(text().split('\r\u001b[2K').slice(1, 3).every((line) => line.length <= 39)).toBe(true);
  expect(text().endsWith('\r\u001b[2KCtrl-C stops\n')).toBe(true);
});

test('elsewhere each report is a line', () => {
  const { text, screen } = written('lines');
  screen.progress(progress);
  screen.tell('found', { jobs: 1 }, ['found 1 job']);
  expect(text()).toBe('2.0 s · enqueued 1,600 of 20,012 · done 1,500 · running 3 · waiting 90 · buried 1 · 812 jobs/s\nfound 1 job\n');
});

test('machines get one object a line, whatever is told', () => {
  const { text, screen } = written('json');
  screen.say('hello');
  screen.progress(progress);
  screen.tell('summary', { ok: true }, ['fine']);
  expect(text().trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
    { event: 'say', text: 'hello' }, { event: 'progress', ...progress }, { event: 'summary', ok: true },
  ]);
});
