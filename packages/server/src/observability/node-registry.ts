import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricType,
  Registry,
} from "prom-client";
import type { HistogramReading } from "../driver/latency-histogram.js";
import { HISTOGRAMS, METRICS, type MetricRow } from "./metric-table.js";
import type { NodeReading } from "./observed-node.js";

export const METRIC_PREFIX = "d_engine_";

/**
 * The metrics of one node in the text of Prometheus, with those of its process: memory, CPU, event
 * loop delay, garbage collection, file descriptors. Those of the node are read when they are asked
 * for, so that nothing is paid between.
 */
export class NodeRegistry {
  readonly #registry = new Registry();
  readonly #read: () => NodeReading;
  /** Of the scrape under way: all metrics of one text are of one moment. */
  #reading: NodeReading;

  constructor(read: () => NodeReading) {
    this.#read = read;
    this.#reading = read();
    const { raft, clusterId } = this.#reading;
    this.#registry.setDefaultLabels({ node: String(raft.id), cluster: clusterId });
    for (const row of METRICS) this.#register(row);
    for (const [field, { name, help }] of Object.entries(HISTOGRAMS)) {
      const histogram = () => this.#reading.latencies[field as keyof typeof HISTOGRAMS];
      this.#registry.registerMetric(new ReadHistogram(`${METRIC_PREFIX}${name}`, help, histogram));
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** One text of all metrics. */
  async text(): Promise<string> {
    this.#reading = this.#read();
    return `${await this.#registry.metrics()}\n${await processMetrics().metrics()}`;
  }

  #register({ name, help, kind, label, read }: MetricRow): void {
    const labelNames = label === undefined ? [] : [label];
    const options = { name: `${METRIC_PREFIX}${name}`, help, labelNames, registers: [] };
    const samples = () => read(this.#reading);
    if (kind === "gauge") {
      this.#registry.registerMetric(
        new Gauge({
          ...options,
          collect() {
            this.reset();
            for (const { labels = {}, value } of samples()) this.set(labels, value);
          },
        }),
      );
      return;
    }
    this.#registry.registerMetric(
      new Counter({
        ...options,
        collect() {
          this.reset();
          for (const { labels = {}, value } of samples()) this.inc(labels, value);
        },
      }),
    );
  }
}

let ofProcess: Registry | undefined;

/**
 * One for all nodes of a process, made when it is asked for: its observers of the event loop and of
 * garbage collection live as long as the process, whoever closes.
 */
function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Shows counts that are kept elsewhere: to observe each one by itself would cost the hot path. */
class ReadHistogram extends Histogram {
  readonly #read: () => HistogramReading;
  readonly #name: string;
  readonly #help: string;

  constructor(name: string, help: string, read: () => HistogramReading) {
    super({ name, help, registers: [] });
    this.#name = name;
    this.#help = help;
    this.#read = read;
  }

  override async get() {
    const { buckets, count, sumMs } = this.#read();
    const name = this.#name;
    const line = (suffix: string, value: number, labels: Record<string, string | number> = {}) => ({
      metricName: `${name}_${suffix}`,
      value,
      labels,
    });
    return {
      name,
      help: this.#help,
      type: histogramType,
      aggregator: "sum" as const,
      collect: noCollect,
      values: [
        ...buckets.map(([boundMs, upTo]) => line("bucket", upTo, { le: boundMs / 1_000 })),
        line("bucket", count, { le: "+Inf" }),
        line("sum", sumMs / 1_000),
        line("count", count),
      ],
    };
  }

  async getForPromString() {
    return await this.get();
  }
}

/** What is read is always of this moment. */
function noCollect(): void {
  // Nothing is kept here.
}

/** The enumeration is declared by the library, but is not there when the program runs. */
const histogramType = "histogram" as unknown as MetricType;
