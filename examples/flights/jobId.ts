/** A job's id tells its run and its place, so that every copy of it, wherever it lies, can be found and told apart. */
export function departureId(run: string, airport: string, sequence: number): string {
  return `${run}/${airport}/${sequence}`;
}

/** An id of a record that is spoilt before it is sent. */
export function spoiltId(run: string, number: number): string {
  return `${run}/spoilt/${number}`;
}

export function runOf(jobId: string): string {
  return jobId.slice(0, Math.max(0, jobId.indexOf('/')));
}
