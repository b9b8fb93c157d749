// Names that glovebox.yaml declares.
import { z } from 'zod';

const NAME_RULE = 'must be 1 to 63 of a-z, 0-9 and "-", beginning with a letter';

/** A name that the workspace declares, or refers to. */
export const nameSchema = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, NAME_RULE);

/** The same, as the key of a map. */
export const keyOfMap = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, `a name ${NAME_RULE}`);
