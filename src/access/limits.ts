// What is accepted at most. AWS's own limits are far lower (a managed policy has 6,144 characters, a bucket policy
// 20 KB, a key policy 32 KB); these keep the work for any input small.

/** Of a policy document: characters of its text, and of all its keys and values together. */
export const MOST_CHARACTERS = 256 * 1024;
export const MOST_STATEMENTS = 5000;
/** Of one element or one condition. */
export const MOST_VALUES = 5000;
/** Of one value, and of the name of a condition key. */
export const MOST_VALUE_CHARACTERS = 4096;
export const MOST_NAME_CHARACTERS = 1024;

/** Of a request: its action, its resource, and its context's keys, values of one key, and characters of all. */
export const MOST_ACTION_CHARACTERS = 256;
export const MOST_RESOURCE_CHARACTERS = 4096;
export const MOST_CONTEXT_KEYS = 256;
export const MOST_CONTEXT_VALUES = 256;
export const MOST_CONTEXT_CHARACTERS = 32 * 1024;

/** Characters of a pattern's stretch between two `*` that holds a `?`: it is tried at each place of the text. */
export const MOST_SEARCHED_WITH_ONE = 64;
