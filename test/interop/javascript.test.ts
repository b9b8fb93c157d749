// Messages go both ways between us and the official JavaScript client, buffers and streams.
import { describeEncryptionClient } from '../contracts/encryption-client.ts';
import { javascriptBuffers, javascriptStreams } from '../support/encryption-client.ts';

describeEncryptionClient('the official JavaScript client', () => javascriptBuffers, { multiple: 1 });
describeEncryptionClient('the official JavaScript client in streams', () => javascriptStreams, { multiple: 1 });
