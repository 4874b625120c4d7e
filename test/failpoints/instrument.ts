import ts from 'typescript';

/**
 * Where within a boundary. Of an `await`: `before` it is reached; `left`, when its operand has been evaluated (the request is out) and nobody has
 * answered; `back`, when it goes on; `failed`, when it was answered with an error. Of a callback that a promise, timer or microtask calls: `called`
 * and `returned`. Of a turn of `for await`: `next`.
 */
export type Moment = 'before' | 'left' | 'back' | 'failed' | 'called' | 'returned' | 'next';

export const momentsOf: Readonly<Record<'await' | 'callback' | 'turn', readonly Moment[]>> = {
  await: ['before', 'left', 'back', 'failed'],
  callback: ['called', 'returned'],
  turn: ['next'],
};

export interface Instrumented {
  /** The source with a call at each moment; no line moves. */
  readonly source: string;
  /** `file:function#n.moment`; n numbers the boundaries of a function. */
  readonly points: readonly string[];
  readonly awaits: number;
}

const CONTINUATIONS: ReadonlySet<string> = new Set(['then', 'catch', 'finally']);
const SCHEDULERS: ReadonlySet<string> = new Set(['queueMicrotask', 'setImmediate', 'setTimeout']);

/** Puts a named point at every moment of every await boundary of a TypeScript source: it calls `__failpoint`, which must be global by then. */
export function instrument(file: string, source: string): Instrumented {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.ESNext, true);
  const insertions: { at: number; text: string }[] = [];
  const points: string[] = [];
  const numbers = new Map<string, number>();
  let awaits = 0;

  const nameBoundary = (node: ts.Node, type: keyof typeof momentsOf): string => {
    const owner = `${file}:${nameOwner(node)}`;
    const number = (numbers.get(owner) ?? 0) + 1;
    numbers.set(owner, number);
    points.push(...momentsOf[type].map((moment) => `${owner}#${number}.${moment}`));
    return JSON.stringify(`${owner}#${number}`);
  };

  const visit = (node: ts.Node): void => {
    if (ts.isAwaitExpression(node)) {
      awaits++;
      const name = nameBoundary(node, 'await');
      insertions.push({ at: node.getStart(), text: `(__failpoint.before(${name}),__failpoint.back(${name},` });
      insertions.push({ at: node.expression.getStart(), text: `__failpoint.left(${name},(` });
      ts.forEachChild(node, visit);
      insertions.push({ at: node.end, text: '))))' });
      return;
    }
    if (ts.isForOfStatement(node) && node.awaitModifier !== undefined) {
      awaits++;
      const call = `__failpoint.next(${nameBoundary(node, 'turn')});`;
      if (ts.isBlock(node.statement)) insertions.push({ at: node.statement.getStart() + 1, text: call });
      else {
        insertions.push({ at: node.statement.getStart(), text: `{${call}` });
        closers.set(node.statement, '}');
      }
    }
    if (ts.isCallExpression(node)) {
      for (const callback of callbacksOf(node)) {
        insertions.push({ at: callback.getStart(), text: `__failpoint.callback(${nameBoundary(callback, 'callback')},` });
        closers.set(callback, ')');
      }
    }
    ts.forEachChild(node, visit);
    const closer = closers.get(node);
    if (closer !== undefined) insertions.push({ at: node.end, text: closer });
  };
  const closers = new Map<ts.Node, string>();
  visit(tree);

  // Stable: at one place what opens the outer comes first, and what closes the inner.
  insertions.sort((a, b) => a.at - b.at);
  let result = '';
  let from = 0;
  for (const { at, text } of insertions) {
    result += source.slice(from, at) + text;
    from = at;
  }
  return { source: result + source.slice(from), points, awaits };
}

/** The arguments that a promise, a timer or the microtask queue calls later. */
function callbacksOf({ expression, arguments: given }: ts.CallExpression): readonly ts.Expression[] {
  if (ts.isIdentifier(expression) && SCHEDULERS.has(expression.text)) return given.slice(0, 1);
  if (!ts.isPropertyAccessExpression(expression)) return [];
  const method = expression.name.text;
  if (method === 'after' && given.length === 2) return given.slice(1);
  return CONTINUATIONS.has(method) ? given.filter((argument) => !(ts.isIdentifier(argument) && argument.text === 'undefined')) : [];
}

/** The nearest function around a node that has a name. */
function nameOwner(node: ts.Node): string {
  for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent as ts.Node | undefined) {
    if ((ts.isFunctionDeclaration(at) || ts.isMethodDeclaration(at) || ts.isGetAccessor(at)) && at.name !== undefined) return at.name.getText();
    if (ts.isConstructorDeclaration(at)) return 'constructor';
    const isFunction = ts.isArrowFunction(at) || ts.isFunctionExpression(at);
    const holder = at.parent as ts.Node | undefined;
    if (isFunction && holder !== undefined && (ts.isVariableDeclaration(holder) || ts.isPropertyAssignment(holder) || ts.isPropertyDeclaration(holder))) return holder.name.getText();
  }
  return 'module';
}
