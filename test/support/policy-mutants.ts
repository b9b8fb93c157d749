// Each single element of a policy document dropped or widened, one document for each: what a test of least privilege
// must notice. A denial's elements are narrowed instead, which is what lets more through there.
import type { ConditionValue, PolicyDocument, PolicyStatement } from '../../src/access/types.ts';

export interface Mutant {
  /** `Statement[2].Action: s3:GetObject -> s3:*`. */
  change: string;
  kind: 'dropped' | 'widened';
  document: PolicyDocument;
}

/** The same text for a value and for a list of it alone. */
function withLists(document: PolicyDocument): string {
  return JSON.stringify(document).replaceAll(/\["([^"]*)"\]/g, '"$1"');
}

type Change = [kind: Mutant['kind'], change: string, statement: PolicyStatement | undefined];
type Condition = NonNullable<PolicyStatement['Condition']>;

/** All mutants of a document; each differs from it. */
export function mutantsOf(document: PolicyDocument): Mutant[] {
  const statements = [document.Statement].flat();
  const original = withLists(document);
  const found = statements.flatMap((statement, index) =>
    changesOf(statement).map(([kind, change, changed]): Mutant => {
      const others = statements.toSpliced(index, 1, ...(changed === undefined ? [] : [changed]));
      return { kind, change: `Statement[${index}]${change}`, document: { ...document, Statement: others } };
    }),
  );
  return found.filter((mutant) => withLists(mutant.document) !== original);
}

function changesOf(statement: PolicyStatement): Change[] {
  return [
    ['dropped', '', undefined],
    ...(['Action', 'Resource'] as const).flatMap((element) => valueChanges(statement, element)),
    ...principalChanges(statement),
    ...conditionChanges(statement),
  ];
}

function valueChanges(statement: PolicyStatement, element: 'Action' | 'Resource'): Change[] {
  const values = [statement[element] ?? []].flat();
  const other = element === 'Action' ? otherActions : otherResources;
  return values.flatMap((value, index): Change[] => {
    const rest = values.toSpliced(index, 1);
    const dropped: Change[] =
      rest.length === 0 ? [] : [['dropped', `.${element}: ${value}`, { ...statement, [element]: rest }]];
    const replaced = other(value, statement.Effect).map((instead): Change => {
      const changed = { ...statement, [element]: values.with(index, instead) };
      return ['widened', `.${element}: ${value} -> ${instead}`, changed];
    });
    return [...dropped, ...replaced];
  });
}

function otherActions(action: string, effect: PolicyStatement['Effect']): string[] {
  const service = action.split(':')[0] ?? '';
  if (effect === 'Allow') return [`${service}:*`, '*'];
  return action === '*' ? ['s3:*', 'kms:*', 'sts:*'] : [`${service}:GetObject`, `${service}:PutObject`];
}

function otherResources(resource: string, effect: PolicyStatement['Effect']): string[] {
  if (effect === 'Deny') return resource === '*' ? ['arn:*:s3:::*', 'arn:*:kms:*:*:*'] : [];
  const [, partition, service, region, account, path = ''] = /^arn:(.*?):(.*?):(.*?):(.*?):(.*)$/.exec(resource) ?? [];
  if (partition === undefined) return ['*'];
  const arn = (where: string | undefined, whose: string | undefined, what: string) =>
    `arn:${partition}:${service}:${where}:${whose}:${what}`;
  return [
    '*',
    ...prefixesOf(path).map((prefix) => arn(region, account, prefix)),
    ...(region === '' ? [] : [arn('*', account, path)]),
    ...(account === '' ? [] : [arn(region, '*', path)]),
  ];
}

/** What begins as `text` does, up to each of its slashes; and what goes on behind it. */
function prefixesOf(text: string): string[] {
  const cut = text.replace(/\*$/, '').replace(/[/@]$/, '');
  const slashes = [...cut.matchAll(/\//g)].map(({ index }) => `${cut.slice(0, index + 1)}*`);
  return ['*', ...slashes, `${cut}*`];
}

function principalChanges(statement: PolicyStatement): Change[] {
  const { Principal: principal } = statement;
  if (statement.Effect === 'Deny' || principal === undefined || principal === '*') return [];
  const root = [principal.AWS].flat().map((arn) => arn?.replace(/:(role|user)\/.*$/, ':root') ?? '');
  return [{ AWS: '*' }, { AWS: root }].map((instead): Change => {
    return ['widened', `.Principal -> ${JSON.stringify(instead)}`, { ...statement, Principal: instead }];
  });
}

function conditionChanges(statement: PolicyStatement): Change[] {
  const { Condition: condition = {} } = statement;
  return Object.entries(condition).flatMap(([operator, keys]) =>
    Object.entries(keys).flatMap(([key, given]): Change[] => {
      const place = `.Condition.${operator}.${key}`;
      const values = [given].flat();
      const changed = (...pairs: [operator: string, values: ConditionValue[]][]): PolicyStatement => {
        let next = withoutKey(condition, operator, key);
        for (const [other, otherValues] of pairs) next = withKey(next, other, key, otherValues);
        const { Condition: _, ...rest } = statement;
        return Object.keys(next).length === 0 ? rest : { ...rest, Condition: next };
      };
      const dropped = values.flatMap((value, index): Change[] =>
        values.length === 1
          ? []
          : [['dropped', `${place}: ${String(value)}`, changed([operator, values.toSpliced(index, 1)])]],
      );
      const widened = otherConditions(operator, values).map(([other, otherValues]): Change => {
        return ['widened', `${place} -> ${other} ${JSON.stringify(otherValues)}`, changed([other, otherValues])];
      });
      return [['dropped', place, changed()], ...dropped, ...widened];
    }),
  );
}

function otherConditions(operator: string, values: ConditionValue[]): [operator: string, values: ConditionValue[]][] {
  if (operator === 'Null') return [[operator, [values[0] === 'false' ? 'true' : 'false']]];
  if (operator === 'Bool') {
    return [
      [operator, [values[0] === 'false' ? 'true' : 'false']],
      ['BoolIfExists', values],
    ];
  }
  const loose = operator.replace('StringEquals', 'StringLike');
  const widened = values.flatMap((value, index) =>
    prefixesOf(String(value)).map((prefix): [string, ConditionValue[]] => [loose, values.with(index, prefix)]),
  );
  const absent = operator.startsWith('ForAnyValue:')
    ? operator.replace('ForAnyValue:', 'ForAllValues:')
    : `${operator}IfExists`;
  return [...widened, [absent, values]];
}

function withoutKey(condition: Condition, operator: string, key: string): Condition {
  const { [key]: _, ...keys } = condition[operator] ?? {};
  const { [operator]: _all, ...rest } = condition;
  return Object.keys(keys).length === 0 ? rest : { ...rest, [operator]: keys };
}

function withKey(condition: Condition, operator: string, key: string, values: ConditionValue[]): Condition {
  return { ...condition, [operator]: { ...condition[operator], [key]: values } };
}
