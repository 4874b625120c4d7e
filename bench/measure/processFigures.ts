/** CPU and memory of this process, for one stretch of time. */
export interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
}

export interface Stopwatch {
  stop(): Figures;
}

/** Begins a measurement of this process; its peak memory is that of its whole life. */
export function startStopwatch(): Stopwatch {
  const started = performance.now();
  const cpu = process.cpuUsage();
  return {
    stop() {
      const used = process.cpuUsage(cpu);
      return {
        seconds: (performance.now() - started) / 1000,
        cpuSeconds: (used.user + used.system) / 1e6,
        peakRssMb: process.resourceUsage().maxRSS / 1024,
      };
    },
  };
}
