// Who may assume a role: the instance, in the name of somebody who may.
import { type AccessModel, find } from './model.ts';
import { instanceRoleArn, LOCAL_RUNNER, sessionPrefix } from './names.ts';
import { fitting } from './size.ts';
import type { Target } from './target.ts';
import type { PolicyDocument } from './types.ts';

/**
 * The trust policy of a role. The instance assumes it, and only for a session that is named after a user who has
 * the role, or after the local runner (see `sessionName`); AWS calls that `sts:RoleSessionName` (IAM User Guide,
 * "IAM and AWS STS condition context keys"). So CloudTrail says whose each call was.
 *
 * @throws AccessError `REQUEST`, `LIMIT`
 */
export function trustPolicy(model: AccessModel, target: Target, role: string): PolicyDocument {
  find(model.roles, 'role', role);
  const users = Object.keys(model.users).filter((user) => model.users[user]?.roles.includes(role));
  const document: PolicyDocument = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: instanceRoleArn(model, target) },
        Action: 'sts:AssumeRole',
        Condition: {
          StringLike: {
            'sts:RoleSessionName': [LOCAL_RUNNER, ...users.sort()].map((user) => `${sessionPrefix(user)}*`),
          },
        },
      },
    ],
  };
  return fitting(target, document, 'trust', `the trust policy of ${role}`);
}
