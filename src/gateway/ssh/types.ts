// What the embedded front end is told, and what it tells.
import type { Duplex } from 'node:stream';
import type { MemoryBudget } from '../memory-budget.ts';
import type { Profile } from './algorithms.ts';
import type { Identity, LoginRules } from './authorize.ts';

/** Limits against abuse. Times are milliseconds. */
export interface SshLimits {
  connections: number;
  connectionsPerAddress: number;
  connectionsPerUser: number;
  /** Connections that have not logged in yet. */
  unauthenticated: number;
  loginGrace: number;
  /** Failed log-ins on one connection. */
  attempts: number;
  /** Without a byte from the client, or of it taken. */
  idle: number;
  /** Bytes in both directions after which keys are exchanged anew; and the time. */
  rekeyBytes: number;
  rekeyTime: number;
  /** Failures of one address, until it is banned; and for how long: twice as long each further time. */
  banAfter: number;
  banTime: number;
  /** Addresses and ranges that are never banned, nor counted by address. */
  exempt: readonly string[];
}

export interface SshConfig {
  /** Private keys in OpenSSH's form. */
  hostKeys: readonly string[];
  profile: Profile;
  rules: LoginRules;
  limits: SshLimits;
}

/** What happened, for the log and the metrics. Reasons are texts for people and hold no data. */
export type SshEvent =
  | { kind: 'connected'; address: string; id: number }
  | { kind: 'turned away'; address: string; reason: string }
  | { kind: 'login'; id: number; address: string; user: string; how: string }
  | { kind: 'login refused'; id: number; address: string; user: string; reason: string }
  | { kind: 'banned'; address: string; seconds: number }
  | { kind: 'cut'; id: number; address: string; user: string | undefined; reason: string }
  | { kind: 'ended'; id: number; address: string; user: string | undefined; bytesIn: number; bytesOut: number }
  | { kind: 'fault'; id: number; error: unknown };

export interface SshServerOptions {
  listenOn: { host: string; port: number } | { fd: number };
  memory: MemoryBudget;
  /** Serves one SFTP channel; resolves or rejects when that is over. */
  openSession(identity: Identity, channel: Duplex): Promise<void>;
  onEvent(event: SshEvent): void;
}

export interface SshServer {
  address: { host: string; port: number };
  /** For new connections; those whose user or key may no longer log in are cut. */
  configure(config: SshConfig): void;
  stopAccepting(): void;
  /** Connections that are open. */
  connections(): number;
  /** Resolves when no session is under way any more. */
  whenIdle(): Promise<void>;
  close(reason: string): Promise<void>;
}
