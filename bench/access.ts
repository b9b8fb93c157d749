// `decisions/iam-simulate`: how many decisions a second evaluate() makes, against iam-simulate on the same requests,
// for a role of ten statements, on one core; results compared. A ratio is of decisions: higher is better.
// iam-simulate has two doors: one that checks what it is given and explains (`iam-simulate`), and a faster one that
// does neither (`iam-simulate-unsafe`); that one cannot take resource policies, so it gets the S3 requests only.
import { parseArgs } from 'node:util';
import { runSimulation, runUnsafeSimulation, type Simulation } from '@cloud-copilot/iam-simulate';
import { type AccessRequest, evaluate, type PolicySet, parsePolicy } from '../src/access/index.ts';
import { toSimulation } from '../test/support/access-oracle.ts';
import { kmsQuestions, type Question, s3Questions } from './access/role.ts';
import { alternate, type Ratio, throughputRatio } from './support/alternate.ts';
import { median } from './support/measure.ts';

const CLAIMED_RATIO = 20;
const CLAIMED_PER_SECOND = 200_000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    /** How often a round asks us each question. */
    ours: { type: 'string', default: '40000' },
    /** How often a round asks iam-simulate each question. */
    theirs: { type: 'string', default: '250' },
  },
});
const rounds = Number(values.rounds);
const oursTimes = Number(values.ours);
const theirsTimes = Number(values.theirs);

interface Prepared {
  allowed: boolean;
  policies: PolicySet;
  request: AccessRequest;
  simulation: Simulation;
}

/** Policies checked and compiled once, as a server does it. */
function prepare({ allowed, pair }: Question): Prepared {
  const identity = pair.identity.map((document) => parsePolicy(document, { kind: 'identity', name: 'role' }));
  const resource = pair.resource && parsePolicy(pair.resource, { kind: 'resource', name: 'key' });
  const policies: PolicySet = { identity, ...(resource ? { resource } : {}) };
  return { allowed, policies, request: pair.request, simulation: toSimulation(pair) };
}

const s3 = s3Questions.map(prepare);
const all = [...s3, ...kmsQuestions.map(prepare)];

/** @throws Error if anybody decides otherwise than it should be. */
async function compare(): Promise<void> {
  for (const { allowed, policies, request, simulation } of all) {
    const checked = await runSimulation(simulation, {});
    const theirs = [checked.resultType === 'error' ? checked.errors.message : checked.overallResult];
    if (simulation.resourcePolicy === undefined) theirs.push(runUnsafeSimulation(simulation, {}));
    const ours = evaluate(policies, request).allowed;
    if (ours !== allowed || theirs.some((result) => (result === 'Allowed') !== allowed)) {
      throw new Error(`${request.action} ${request.resource}: ours ${ours}, theirs ${theirs}, expected ${allowed}`);
    }
  }
}

/** Decides each question `oursTimes`; counts what is allowed, so that no decision can be left out. */
function decide(questions: Prepared[]): void {
  const expected = questions.filter(({ allowed }) => allowed).length * oursTimes;
  let allowed = 0;
  for (let time = 0; time < oursTimes; time++) {
    for (const { policies, request } of questions) if (evaluate(policies, request).allowed) allowed++;
  }
  if (allowed !== expected) throw new Error(`${allowed} were allowed, expected ${expected}`);
}

async function simulate(questions: Prepared[]): Promise<void> {
  for (let time = 0; time < theirsTimes; time++) {
    for (const { simulation } of questions) await runSimulation(simulation, {});
  }
}

function simulateUnsafely(questions: Prepared[]): void {
  for (let time = 0; time < theirsTimes; time++) {
    for (const { simulation } of questions) runUnsafeSimulation(simulation, {});
  }
}

const three = (value: number): number => Number(value.toPrecision(3));
const ratios: Record<string, number> = {};
const spread: Record<string, [number, number]> = {};
const decisionsPerSecond: Record<string, number> = {};

/** A side's seconds for one decision, round by round. */
const perDecision = (seconds: number[], questions: Prepared[], times: number): number[] =>
  seconds.map((value) => value / (questions.length * times));

async function measureAgainst(
  name: string,
  questions: Prepared[],
  theirs: (questions: Prepared[]) => unknown,
): Promise<void> {
  const seconds = await alternate(rounds, { ours: () => decide(questions), theirs: () => theirs(questions) });
  const ours = perDecision(seconds.ours, questions, oursTimes);
  const others = perDecision(seconds.theirs, questions, theirsTimes);
  const ratio: Ratio = throughputRatio(ours, others);
  ratios[`decisions/${name}`] = three(ratio.middle);
  spread[`decisions/${name}`] = [three(ratio.lowest), three(ratio.highest)];
  decisionsPerSecond[`ours, as ${name}`] = Math.round(1 / median(ours));
  decisionsPerSecond[name] = Math.round(1 / median(others));
  const row = [1 / median(ours), 1 / median(others), ratio.middle, ratio.lowest, ratio.highest];
  console.log(`${name.padEnd(22)}${row.map((value) => value.toFixed(0).padStart(12)).join('')}`);
}

/** Microseconds to check and compile the role's policy. */
async function measureParsing(): Promise<number> {
  const [document] = s3Questions[0]?.pair.identity ?? [];
  const times = 2000;
  const { parse } = await alternate(rounds, {
    parse: () => {
      for (let time = 0; time < times; time++) parsePolicy(document, { kind: 'identity', name: 'role' });
    },
  });
  return three((median(parse) / times) * 1e6);
}

await compare();
// Once without a clock, so that no side is measured before it is compiled.
decide(all);
await simulate(all);
simulateUnsafely(s3);
console.log(
  `${'decisions a second'.padEnd(22)}${['ours', 'theirs', 'ratio', 'lowest', 'highest'].map((title) => title.padStart(12)).join('')}`,
);
await measureAgainst('iam-simulate', all, simulate);
await measureAgainst('iam-simulate-unsafe', s3, simulateUnsafely);
const parseMicroseconds = await measureParsing();
console.log(`\nto check and compile the role's policy: ${parseMicroseconds} microseconds, once`);

const lowestRatio = Math.min(...Object.values(ratios));
const slowest = Math.min(
  ...Object.entries(decisionsPerSecond).flatMap(([side, value]) => (side.startsWith('ours') ? [value] : [])),
);
const verdict = (holds: boolean): string => (holds ? 'holds' : 'DOES NOT HOLD');
console.log(`at least ${CLAIMED_RATIO} times as many: ${verdict(lowestRatio >= CLAIMED_RATIO)} (${lowestRatio})`);
console.log(`over ${CLAIMED_PER_SECOND} a second: ${verdict(slowest > CLAIMED_PER_SECOND)} (${slowest})`);
console.log(
  JSON.stringify({
    bench: 'access',
    ratios,
    spread,
    decisionsPerSecond,
    parseMicroseconds,
    peakMemoryMB: { all: Math.round(process.resourceUsage().maxRSS / 1000) },
    node: process.versions.node,
    statements: 10,
    rounds,
  }),
);
