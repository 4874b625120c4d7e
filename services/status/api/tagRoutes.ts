import type { FastifyInstance } from 'fastify';
import type { Database } from '../../../shared/database/port.ts';
import { MillraceError } from '../../../shared/errors/MillraceError.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { toTime } from '../../../shared/status/jobView.ts';
import { addTag, addTagRule, listTagRules, removeTag, removeTagRule, type TagRule, type TagRuleWish } from '../../../shared/status/tags.ts';
import { sendingParams, tagParams, tagRuleBody } from './commandSchemas.ts';
import { commandTroubles, troubles } from './jobRoutes.ts';
import type { LookUp } from './lookUp.ts';
import { soundText } from './soundText.ts';
import { readQuery } from './schemas.ts';

export interface TagRouteParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly lookUp: LookUp;
}

interface OfTag { Params: { readonly id: string; readonly tag: string }; Querystring: { readonly after?: string } }

/** Tags of jobs, for follow-up: by hand, and by rule when a job is buried. */
export function addTagRoutes(app: FastifyInstance, { database, clock, lookUp }: TagRouteParts): void {
  const ofTag = { params: tagParams, querystring: readQuery, response: { 204: { type: 'null', description: 'So it is' }, ...troubles } } as const;

  app.put<OfTag>('/v1/jobs/:id/tags/:tag', { schema: { summary: 'Tags it', ...ofTag } }, async ({ params, query }, reply) => {
    await addTag(database, await lookUp(params.id, query.after), params.tag, clock.now());
    return reply.code(204).send();
  });

  app.delete<OfTag>('/v1/jobs/:id/tags/:tag', { schema: { summary: 'Takes a tag away; no rule brings it back', ...ofTag } }, async ({ params, query }, reply) => {
    await removeTag(database, await lookUp(params.id, query.after), params.tag);
    return reply.code(204).send();
  });

  app.get('/v1/tag-rules', { schema: { summary: 'Which burials are tagged', response: { 200: { type: 'object', properties: { rules: { type: 'array', items: { $ref: 'TagRule#' } } } }, ...troubles } } }, async () => (
    { rules: (await listTagRules(database)).map(toRuleView) }
  ));

  app.post<{ Body: TagRuleWish }>('/v1/tag-rules', { schema: { summary: 'Tags what is buried from now on and fits', body: tagRuleBody, response: { 201: { $ref: 'TagRule#' }, ...commandTroubles } } }, async ({ body }, reply) => {
    for (const [name, text] of Object.entries(body)) soundText(name, String(text));
    const rule = await addTagRule(database, body, clock.now());
    return reply.code(201).header('location', `/v1/tag-rules/${rule.id}`).send(toRuleView(rule));
  });

  app.delete<{ Params: { readonly id: string } }>('/v1/tag-rules/:id', { schema: { summary: 'Ends a rule; what it tagged stays tagged', params: sendingParams, response: { 204: { type: 'null', description: 'Ended' }, ...troubles } } }, async ({ params }, reply) => {
    if (!await removeTagRule(database, params.id)) throw new MillraceError('TAG_RULE_UNKNOWN', { at: params.id });
    return reply.code(204).send();
  });
}

function toRuleView({ sinceMs, ...rule }: TagRule) {
  return { ...rule, since: toTime(sinceMs) };
}
