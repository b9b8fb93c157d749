// Metrics and health over HTTP, for this machine alone.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Endpoint, formatEndpoint } from '../workspace/index.ts';
import { GatewayError } from './error.ts';
import type { Metrics } from './metrics.ts';
import { isInRanges } from './ssh/authorize.ts';

export interface Admin {
  port: number;
  close(): Promise<void>;
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** @param isReady whether new connections are taken @throws GatewayError `CONFIG`, `LISTEN` */
export async function startAdmin({ host, port }: Endpoint, metrics: Metrics, isReady: () => boolean): Promise<Admin> {
  if (!isInRanges(host, LOOPBACK)) {
    throw new GatewayError('CONFIG', `"admin" is ${host}, and metrics are for this machine alone`, {
      hint: 'use a loopback address, such as 127.0.0.1:9464',
    });
  }
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, (request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'only GET\n');
    if (request.url === '/metrics') {
      void metrics.text().then(
        (text) => answer(200, text, metrics.contentType),
        () => answer(500, 'no metrics\n'),
      );
    } else if (request.url === '/healthz') answer(200, 'alive\n');
    else if (request.url === '/readyz') answer(isReady() ? 200 : 503, isReady() ? 'ready\n' : 'draining\n');
    else answer(404, 'there are /metrics, /healthz and /readyz\n');
  });
  server.maxConnections = 16;
  await listen(server, { host, port });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server, endpoint: Endpoint): Promise<void> {
  server.listen(endpoint.port, endpoint.host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new GatewayError('LISTEN', `nothing can listen on ${formatEndpoint(endpoint)} for "admin"`, {
      hint: 'choose another port, or end what listens there',
      cause,
    });
  }
}
