// The one error class of gateway/.
import { GloveboxError } from '../lib/index.ts';

export type GatewayErrorCode =
  /** It is told to do what it must not, or cannot. */
  | 'CONFIG'
  /** A host key cannot be read, or made. */
  | 'HOST_KEY'
  /** It cannot listen where it is told to. */
  | 'LISTEN'
  /** Whoever connects is not who may. */
  | 'LOGIN';

/** What went wrong in the gateway. */
export class GatewayError extends GloveboxError<GatewayErrorCode> {}
