/**
 * Puts a wall clock in the place of `Date` that can be moved: what libfaketime does to a process, for code of this process alone, which reads the
 * wall clock in no other way. `performance.now` and timers go on as they are. @returns moves it so many ms from the true time
 */
export function installMovableDate(scope: { Date: DateConstructor }): (aheadMs: number) => void {
  const TrueDate = scope.Date;
  let aheadMs = 0;
  class MovedDate extends TrueDate {
    constructor(...given: ConstructorParameters<DateConstructor> | []) {
      if (given.length === 0) super(TrueDate.now() + aheadMs);
      else super(...given as [number]);
    }

    static override now(): number {
      return TrueDate.now() + aheadMs;
    }
  }
  scope.Date = MovedDate as DateConstructor;
  return (ms) => { aheadMs = ms; };
}
