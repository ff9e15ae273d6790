import type prometheus from 'prom-client';
import type { Gauge, Registry } from 'prom-client';

/** The library, which is loaded late. */
export type Prometheus = typeof prometheus;

/** Metrics that are read when somebody scrapes, and cost nothing else. */
export class MetricSet {
  readonly #prometheus: Prometheus;
  readonly #registry: Registry;

  constructor(prometheus: Prometheus, registry: Registry) {
    this.#prometheus = prometheus;
    this.#registry = registry;
  }

  gauge(name: string, help: string, read: () => number | Promise<number>): void {
    const gauge: Gauge = new this.#prometheus.Gauge({
      name,
      help,
      registers: [],
      collect: async () => gauge.set(await read()),
    });
    this.#registry.registerMetric(gauge);
  }

  /** One gauge for each key that `read` gives; those that it no longer gives are gone. */
  gauges(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    const gauge = new this.#prometheus.Gauge({
      name,
      help,
      labelNames: [label],
      registers: [],
      collect: () => {
        gauge.reset();
        for (const [key, value] of Object.entries(read())) gauge.set({ [label]: key }, value);
      },
    });
    this.#registry.registerMetric(gauge);
  }

  /** Something that only grows, counted elsewhere, one for each key that `read` gives. */
  counters(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    const counter = new this.#prometheus.Counter({
      name,
      help,
      labelNames: [label],
      registers: [],
      collect: () => {
        counter.reset();
        for (const [key, value] of Object.entries(read())) counter.inc({ [label]: key }, value);
      },
    });
    this.#registry.registerMetric(counter);
  }

  /** Something that only grows and is counted elsewhere. */
  counter(name: string, help: string, read: () => number): void {
    const counter = new this.#prometheus.Counter({
      name,
      help,
      registers: [],
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
    this.#registry.registerMetric(counter);
  }

  /** Facts as labels of a 1. */
  info(name: string, help: string, facts: Readonly<Record<string, string>>): void {
    const gauge = new this.#prometheus.Gauge({ name, help, labelNames: Object.keys(facts), registers: [] });
    gauge.set(facts, 1);
    this.#registry.registerMetric(gauge);
  }
}
