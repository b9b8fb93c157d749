// glovebox serve: the SFTP gateway.
import { activationDescriptor, type Gateway, type Log, notify, openLog, startGateway } from '../../gateway/index.ts';
import { formatEndpoint, parseEndpoint } from '../../workspace/index.ts';
import { defineCommand } from '../command.ts';
import { usage } from '../error.ts';
import { explainError } from '../exit.ts';
import { refuseSwap } from '../host.ts';
import { parseDuration } from '../parse.ts';
import { openGatewaySetup } from '../workspace.ts';

const DRAIN_MS = 30_000;
const STANDARD_ERROR = 2;

export const serve = defineCommand({
  name: 'serve',
  summary: 'serve datasets over SFTP to the users of glovebox.yaml',
  details:
    'Uploads are sealed as they arrive; one that is cut off can be resumed. SIGHUP reads glovebox.yaml anew, SIGTERM ' +
    'lets transfers go on for a while and ends. The log goes to standard error, a line of JSON for each event. It ' +
    'refuses to run while the host swaps to an unencrypted disk, because memory would reach it.',
  examples: ['glovebox serve', 'glovebox serve --listen 0.0.0.0:22'],
  arguments: {},
  options: {
    listen: {
      value: 'ADDRESS:PORT',
      description: 'where to listen; port 0 is any that is free',
      byDefault: 'glovebox.yaml, else 127.0.0.1:2022',
      parse(text) {
        const endpoint = parseEndpoint(text);
        if (endpoint === undefined) throw usage(`${text} is no address and port`, 'such as 127.0.0.1:2022');
        return endpoint;
      },
    },
    drain: {
      value: 'TIME',
      description: 'how long transfers may go on after SIGTERM',
      byDefault: '30s',
      parse: parseDuration,
    },
    allowSwap: { description: 'serve although this host has unencrypted swap' },
  },
  async run(context, _given, { listen, drain, allowSwap }) {
    const { ui, signal } = context;
    const swap = refuseSwap(allowSwap);
    const log = openLog(STANDARD_ERROR);
    if (swap !== undefined) log.warn('unencrypted swap was allowed', { swap });
    const descriptor = activationDescriptor();
    const load = await openGatewaySetup(context);
    const listenOn = listen ?? (descriptor === undefined ? undefined : { fd: descriptor });
    const gateway = await startGateway({ load, log, ...(listenOn === undefined ? {} : { listenOn }) });
    const onReload = () => void reload(gateway, log);
    // Elsewhere it is an interruption.
    process.removeAllListeners('SIGHUP').on('SIGHUP', onReload);
    const address = formatEndpoint(gateway.address);
    ui.result(
      {
        listening: address,
        hostKeys: gateway.hostKeys.map(({ publicKey, fingerprint }) => ({ publicKey, fingerprint })),
        ...(gateway.adminPort === undefined ? {} : { adminPort: gateway.adminPort }),
      },
      [
        `sftp on ${address}`,
        ...gateway.hostKeys.map(({ publicKey, fingerprint }) => `host key ${fingerprint}  ${publicKey}`),
      ],
    );
    log.info('listening', { address });
    await tellSystemd('READY', log);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    log.info('going down');
    await tellSystemd('STOPPING', log);
    await gateway.drain(drain ?? DRAIN_MS);
    log.info('ended');
  },
});

/** Where the new configuration is bad, the gateway goes on with the old one. */
async function reload(gateway: Gateway, log: Log): Promise<void> {
  await tellSystemd('RELOADING', log);
  try {
    await gateway.reload();
    log.info('configuration read');
  } catch (error) {
    const { message, hint } = explainError(error);
    log.warn('the configuration stays as it was', { reason: message, hint });
  }
  await tellSystemd('READY', log);
}

async function tellSystemd(state: Parameters<typeof notify>[0], log: Log): Promise<void> {
  if (!(await notify(state))) log.warn('systemd could not be told', { state, program: 'systemd-notify' });
}
