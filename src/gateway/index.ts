// The door of gateway/: the SFTP server.
export { GatewayError, type GatewayErrorCode } from './error.ts';
export { type Gateway, type GatewayOptions, startGateway } from './gateway.ts';
export type { HostKey } from './host-key.ts';
export { type Log, openLog } from './log.ts';
export type { Setup } from './session.ts';
export { authorizedKeyLines, readArrival, serveSubsystem } from './subsystem.ts';
export { activationDescriptor, notify } from './systemd.ts';
