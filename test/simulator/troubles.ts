import { delayAck, duplicate, hold, loseAck, refuse, stall, type Hook, type ProduceDecision } from '../../shared/testing/index.ts';
import { createDice } from './dice.ts';
import type { FaultPlan, StreamName } from './plan.ts';
import type { SimulatedWorker } from './simulatedWorker.ts';
import type { World } from './world.ts';

/** Makes the plan's faults happen, and ends them. */
export function arrangeTroubles(world: World): void {
  for (const fault of world.plan.faults) world.at(fault.atMs, () => { strike(world, fault); });
}

function strike(world: World, fault: FaultPlan): void {
  const { story } = world;
  const { atMs, ...told } = fault;
  const tell = (worker?: SimulatedWorker): void => { story.tell('fault', { ...(worker === undefined ? {} : { worker: worker.id }), detail: JSON.stringify(told) }); };
  const dice = createDice(world.plan.seed, `fault ${atMs} ${fault.type}`);
  const { faults } = world.cluster;
  switch (fault.type) {
    case 'kill':
    case 'freeze':
    case 'disconnect':
    case 'expel':
    case 'stop':
    case 'jump': {
      const { living } = world;
      const worker = living[fault.nth % Math.max(1, living.length)];
      if (worker === undefined || worker.frozen || worker.disconnected) return;
      tell(worker);
      strikeWorker(world, worker, fault);
      return;
    }
    case 'join':
      tell();
      world.hire('new');
      return;
    case 'deploy':
      tell();
      void deploy(world);
      return;
    case 'compact':
      if (world.compact()) tell();
      return;
    case 'expire':
      tell();
      world.expire();
      return;
    case 'skip-offsets':
      tell();
      for (const topic of world.topics(['main', 'retry'])) world.cluster.inspect.skipOffsets(topic, dice.between(0, world.plan.settings.partitions - 1), dice.between(1, 5));
      return;
    case 'registry':
      tell();
      world.registry.state.mode = fault.how;
      world.healAfter(fault.forMs, () => { world.registry.state.mode = 'well'; });
      return;
    case 'produce': {
      tell();
      const topic = world.topicOf(fault.queue, fault.stream);
      const decide = produceDecision(fault.how, fault.stream, dice);
      if (fault.how !== 'double' && fault.stream !== 'main') world.kafkaSuffers(fault.forMs);
      const until = hooked(world, fault.forMs);
      until(faults.onProduce((request) => (request.topic === topic && request.partition === (fault.partition ?? request.partition) && dice.hit(fault.share) ? decide(request) : undefined)));
      return;
    }
    case 'commit': {
      tell();
      world.kafkaSuffers(fault.forMs);
      const until = hooked(world, fault.forMs);
      until(faults.onCommit((request) => {
        if (!request.group.startsWith('millrace.q') || !dice.hit(fault.share)) return undefined;
        switch (fault.how) {
          case 'refuse': return refuse('BROKER_UNAVAILABLE');
          case 'rebalancing': return refuse('BROKER_REBALANCING');
          case 'lose': return loseAck();
          case 'hold': return hold(dice.between(10, 800));
          case 'stall': return stall();
        }
      }));
      return;
    }
    case 'fetch': {
      tell();
      const topic = world.topicOf(fault.queue, fault.stream);
      if (fault.stream === 'retry') world.kafkaSuffers(fault.forMs);
      const until = hooked(world, fault.forMs);
      until(faults.onFetch((request) => {
        if (request.topic !== topic || request.partition !== (fault.partition ?? request.partition) || !dice.hit(fault.share)) return undefined;
        return fault.how === 'stall' ? stall() : hold(dice.between(10, 800));
      }));
      return;
    }
    case 'leader': {
      tell();
      world.kafkaSuffers(fault.forMs);
      const until = hooked(world, fault.forMs);
      until(faults.onProduce(({ partition }) => (partition === fault.partition ? refuse('BROKER_UNAVAILABLE') : undefined)));
      until(faults.onFetch(({ partition, group }) => (partition === fault.partition && group.startsWith('millrace.q') ? stall() : undefined)));
    }
  }
}

function strikeWorker(world: World, worker: SimulatedWorker, fault: Extract<FaultPlan, { nth: number }>): void {
  const { sessionTimeoutMs } = world.plan.settings;
  switch (fault.type) {
    case 'kill':
      world.cut('killed', worker.id);
      worker.kill();
      world.after(fault.forMs, () => { world.hire('new'); });
      return;
    case 'freeze':
    case 'disconnect': {
      const isFreeze = fault.type === 'freeze';
      // Shorter than a session, it must cost nothing; near to one, nobody can say.
      if (fault.forMs > sessionTimeoutMs * 0.8) world.cut(isFreeze ? 'frozen' : 'expelled', worker.id, fault.forMs + sessionTimeoutMs);
      else world.kafkaSuffers(fault.forMs, isFreeze);
      if (isFreeze) worker.freeze();
      else worker.disconnect();
      world.healAfter(fault.forMs, () => {
        world.awakes(worker.id);
        if (isFreeze) worker.thaw();
        else worker.reconnect();
      });
      return;
    }
    case 'expel':
      world.cut('expelled', worker.id, 1000 + sessionTimeoutMs / 3);
      world.awakes(worker.id);
      world.cluster.faults.expel(worker.broker);
      return;
    case 'stop':
      void worker.stop();
      world.after(fault.forMs, () => { world.hire('new'); });
      return;
    case 'jump':
      worker.clock.jump(fault.byMs);
      world.healAfter(fault.forMs, () => { worker.clock.jump(-fault.byMs); });
  }
}

async function deploy(world: World): Promise<void> {
  for (const worker of [...world.living]) {
    world.hire('new');
    await worker.stop();
  }
}

/** Collects hooks that end after a time. */
function hooked(world: World, forMs: number): (remove: () => void) => void {
  return (remove) => { world.healAfter(forMs, remove); };
}

type How = Extract<FaultPlan, { type: 'produce' }>['how'];

function produceDecision(how: How, stream: StreamName, dice: ReturnType<typeof createDice>): Hook<unknown, ProduceDecision> {
  switch (how) {
    case 'refuse': return () => refuse(stream !== 'main' && dice.hit(0.2) ? 'BROKER_REFUSED' : 'BROKER_UNAVAILABLE');
    case 'lose': return () => loseAck();
    case 'late': return () => loseAck(dice.between(1, 3000));
    case 'delay': return () => delayAck(dice.between(10, 1500));
    // A producer's own double is another job: what producers do twice is not the owner's doing.
    case 'double': return () => (stream === 'main' ? undefined : duplicate(dice.between(0, 2000)));
    case 'hold': return () => hold(dice.between(10, 800));
    case 'stall': return () => stall();
  }
}
