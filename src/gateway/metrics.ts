// What the gateway counts, in Prometheus' form.
import { Counter, Gauge, Registry } from 'prom-client';

export interface Metrics {
  logins: Counter<'outcome'>;
  turnedAway: Counter;
  bans: Counter;
  transferred: Counter<'direction'>;
  files: Counter<'what'>;
  failures: Counter;
  /** All of it, as text. */
  text(): Promise<string>;
  contentType: string;
}

/** @param now what is open at the moment */
export function makeMetrics(now: () => { connections: number; uploads: number; memory: number }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge('glovebox_connections', 'Connections that are open', () => now().connections);
  gauge('glovebox_uploads_open', 'Uploads that are open', () => now().uploads);
  gauge('glovebox_shared_memory_bytes', 'Memory that connections have taken of what they share', () => now().memory);
  gauge('glovebox_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss());
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers });
  return {
    logins: counter('glovebox_logins_total', 'Log-ins, by outcome', ['outcome']),
    turnedAway: counter('glovebox_connections_refused_total', 'Connections that were not let in'),
    bans: counter('glovebox_bans_total', 'Addresses that were kept out for a while'),
    transferred: counter('glovebox_file_bytes_total', 'Plaintext bytes of files', ['direction']),
    files: counter('glovebox_files_total', 'What was done with files', ['what']),
    failures: counter('glovebox_failures_total', 'Failures of the gateway itself'),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
