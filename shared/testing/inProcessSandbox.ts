import { MillraceError } from '../errors/MillraceError.ts';
import { createServant } from '../isolation/inside/servant.ts';
import type { Sandbox, SandboxEnd, StartSandbox } from '../isolation/sandbox.ts';
import type { SandboxLine } from '../isolation/sandboxMessages.ts';
import type { Handle } from '../jobs/jobDefinition.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * Runs isolated kinds in the process of the test, whose time no other process would share: with the handlers that the test gives, by kind. What
 * isolation is for cannot be tried so; it is tried on real processes.
 */
export function createInProcessStarter(handlers: Readonly<Record<string, Handle<never>>>, clock: Clock): StartSandbox {
  return (place, isolation, strayLine) => {
    const kind = place.slice(place.indexOf('/') + 1);
    const handle = Object.hasOwn(handlers, kind) ? handlers[kind] : undefined;
    const gone = Promise.withResolvers<void>();
    const missing = new MillraceError('SANDBOX_NOT_STARTED', { at: `${kind}: ${isolation.handler}`, expected: 'its handler', fix: `createTestMillrace({ isolated: { '${kind}': handle } })` });
    let number = 0;
    let running: { readonly end: (end: SandboxEnd) => void; readonly log: (line: SandboxLine) => void } | null = null;

    const servant = createServant((handle ?? (() => undefined)), (said) => {
      const current = 'number' in said && said.number === number ? running : null;
      if (said.type === 'log') (current?.log ?? strayLine)(said);
      if (said.type !== 'ended' || current === null) return;
      running = null;
      current.end(said.end);
    }, () => 0, () => clock.now());

    const sandbox: Sandbox = {
      kind: place,
      ready: handle === undefined ? Promise.reject(missing) : Promise.resolve(),
      gone: gone.promise,
      rssBytes: 0,
      run: (task, log) => new Promise((resolve) => {
        running = { end: resolve, log };
        servant({ type: 'run', number: ++number, task });
      }),
      abort({ code, detail }) { servant({ type: 'abort', number, code, at: detail.at ?? null, expected: detail.expected ?? null }); },
      kill() {
        const current = running;
        running = null;
        current?.end({ type: 'died', error: new MillraceError('SANDBOX_EXITED', { at: kind, got: 'killed' }) });
        gone.resolve();
      },
    };
    sandbox.ready.catch(() => undefined);
    return sandbox;
  };
}
